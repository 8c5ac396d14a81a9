{#- By which models a figure came down from which streams, and how many files and rows those rest on. -#}
{%- set ways = {
    'members': ('measure_members', ['enrolment']),
    'medical_total': ('measure_medical', ['medical', 'enrolment']),
    'medical': ('measure_medical', ['medical', 'enrolment']),
    'dental': ('measure_medical', ['medical', 'enrolment']),
    'pharmacy': ('measure_medical', ['medical', 'enrolment']),
    'prescription': ('measure_prescription', ['medical', 'enrolment']),
    'visit': ('measure_visit', ['medical', 'enrolment']),
    'severity': ('measure_severity', ['medical', 'enrolment']),
    'quality': ('measure_classification', ['medical']),
    'linkage': ('measure_linkage', ['enrolment', 'medical', 'checkup', 'care_claim', 'care_certification']),
    'koki_to_population': ('measure_population', ['enrolment', 'population']),
    'disease': ('measure_disease', ['medical', 'enrolment']),
    'new_patients': ('measure_new_patients', ['medical', 'enrolment']),
    'crossing': ('measure_crossing', ['checkup', 'medical', 'enrolment']),
    'certified_cost': ('measure_certified_cost', ['medical', 'enrolment', 'care_certification']),
    'tree': ('measure_crossing', ['checkup', 'medical', 'enrolment']),
    'certified_patients': ('measure_certified', ['care_certification', 'medical', 'enrolment']),
    'checkup': ('measure_checkup', ['checkup', 'enrolment']),
    'metabolic': ('measure_metabolic', ['checkup', 'enrolment']),
    'questionnaire': ('measure_questionnaire', ['checkup', 'enrolment']),
    'late_elderly': ('measure_questionnaire', ['checkup', 'enrolment']),
    'attendance': ('measure_attendance', ['checkup', 'enrolment']),
    'continuity': ('measure_continuity', ['checkup', 'enrolment']),
    'guidance': ('measure_guidance', ['checkup', 'enrolment']),
    'care_cost': ('measure_care', ['care_claim', 'care_certification']),
    'certified': ('measure_care', ['care_certification']),
    'certification': ('measure_care', ['care_certification', 'care_insured_count']),
    'population': ('reference_fact', ['reference_population']),
    'industry': ('reference_fact', ['reference_industry']),
    'life_expectancy': ('reference_fact', ['reference_life_table']),
    'population_by_age': ('reference_fact', ['reference_population_by_age']),
    'mortality_ratio': ('reference_fact', ['reference_deaths', 'reference_population_by_age']),
    'independent_years': (
        'int_reference__expect_independence',
        ['reference_deaths', 'reference_population_by_age', 'care_certification']
    ),
    'causes': ('reference_fact', ['reference_causes_of_death']),
    'facilities': ('reference_fact', ['reference_facilities', 'enrolment']),
    'enrolment_share': ('reference_fact', ['reference_population', 'enrolment']),
} %}

with catalogue as (
    select
        indicator_id,
        definition_version,
        case
            when indicator_id like 'attendance%' then 'attendance'
            when indicator_id = 'continued_attendance' then 'continuity'
            when indicator_id like 'guidance%' then 'guidance'
            when indicator_id = 'certified_patients' then 'certified_patients'
            when indicator_id like 'points_per_claim_%certified' then 'certified_cost'
            when indicator_id = 'disease_new_patients' then 'new_patients'
            when indicator_id like 'care_cost%' then 'care_cost'
            when indicator_id like 'certified%' then 'certified'
            when indicator_id like '%certification%' then 'certification'
            when indicator_id in ('residents_under_40', 'residents_40_64') then 'population_by_age'
            when indicator_id like 'life_expectancy%' then 'life_expectancy'
            when indicator_id like 'mortality_ratio%' then 'mortality_ratio'
            when indicator_id like 'independent_years%' then 'independent_years'
            when indicator_id like 'death_%' then 'causes'
            when
                indicator_id in ('generic_drug_share', 'duplicate_prescription', 'polypharmacy', 'sleep_drug')
                then 'prescription'
            when indicator_id = 'koki_to_population' then 'koki_to_population'
            when indicator_id in ('multiple_visits', 'frequent_visits') then 'visit'
            when indicator_id = 'enrolment_share' then 'enrolment_share'
            else block_code
        end as way
    from {{ ref('indicators') }}
),

ways as (
    {% for way, (model, streams) in ways.items() -%}
    {% set outer = loop -%}
    {% for stream in streams -%}
    select
        '{{ way }}' as way,
        '{{ model }}' as measure_model,
        '{{ stream }}' as stream
    {{ 'union all' if not (loop.last and outer.last) }}
    {% endfor -%}
    {% endfor -%}
),

-- Rows of the head table of each stream; its lines stand and fall with them.
deliveries as (
    select
        stream,
        linkage_domain,
        count(distinct source_file_id) as source_files_count,
        cast(
            sum(
                case
                    when
                        outcome = 'sealed'
                        and measure = 'rows'
                        and table_name in (
                            'enrolment', 'claim', 'checkup', 'care_claim', 'care_certification', 'care_insured_count'
                        )
                        then value
                    else 0
                end
            ) as bigint
        ) as records_count
    from {{ source('raw', 'control_total') }}
    group by stream, linkage_domain
    union all
    select
        concat('reference_', table_name) as stream,
        cast(null as varchar) as linkage_domain,
        count(*) as source_files_count,
        cast(sum(records_count) as bigint) as records_count
    from {{ ref('reference_table') }}
    group by table_name
    union all
    -- The seed tells no ages under 65: what needs them needs a table that was loaded.
    select
        'reference_population_by_age' as stream,
        cast(null as varchar) as linkage_domain,
        count(*) as source_files_count,
        cast(sum(rows) as bigint) as records_count
    from {{ source('reference', 'loaded') }}
    where table_name = 'population'
    having count(*) > 0
),

final as (
    select
        catalogue.indicator_id,
        catalogue.definition_version,
        ways.measure_model,
        ways.stream,
        deliveries.linkage_domain as prefecture_code,
        deliveries.source_files_count,
        deliveries.records_count
    from catalogue
    inner join ways on catalogue.way = ways.way
    left join deliveries on ways.stream = deliveries.stream
    union all
    -- What senders counted, where any of it stands.
    select
        indicator_id,
        definition_version,
        'sent_fact' as measure_model,
        'statistics' as stream,
        linkage_domain as prefecture_code,
        count(distinct source_file_id) as source_files_count,
        cast(count(*) as bigint) as records_count
    from {{ ref('stg_statistics__statistic') }}
    group by indicator_id, definition_version, linkage_domain
)

select * from final
