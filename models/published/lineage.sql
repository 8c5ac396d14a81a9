{#- By which models a figure came down from which streams, and how many files and rows those rest on. -#}
{%- set ways = {
    'members': ('measure_members', ['enrolment']),
    'medical_total': ('measure_medical', ['medical', 'enrolment']),
    'medical': ('measure_medical', ['medical', 'enrolment']),
    'dental': ('measure_medical', ['medical', 'enrolment']),
    'pharmacy': ('measure_medical', ['medical', 'enrolment']),
    'quality': ('measure_classification', ['medical']),
    'linkage': ('measure_linkage', ['enrolment', 'medical', 'checkup', 'care_claim', 'care_certification', 'population']),
    'disease': ('measure_disease', ['medical', 'enrolment']),
    'crossing': ('measure_crossing', ['checkup', 'medical', 'enrolment', 'care_certification']),
    'certified_patients': ('measure_certified', ['care_certification', 'medical', 'enrolment']),
    'checkup': ('measure_checkup', ['checkup', 'enrolment']),
    'metabolic': ('measure_metabolic', ['checkup', 'enrolment']),
    'questionnaire': ('measure_questionnaire', ['checkup', 'enrolment']),
    'late_elderly': ('measure_questionnaire', ['checkup', 'enrolment']),
    'attendance': ('measure_attendance', ['checkup', 'enrolment']),
    'guidance': ('measure_guidance', ['checkup', 'enrolment']),
    'care_cost': ('measure_care', ['care_claim', 'care_certification']),
    'certified': ('measure_care', ['care_certification']),
    'certification': ('measure_care', ['care_certification', 'care_insured_count']),
} %}

with catalogue as (
    select
        indicator_id,
        definition_version,
        case
            when indicator_id like 'attendance%' then 'attendance'
            when indicator_id like 'guidance%' then 'guidance'
            when indicator_id = 'certified_patients' then 'certified_patients'
            when indicator_id like 'care_cost%' then 'care_cost'
            when indicator_id like 'certified%' then 'certified'
            when indicator_id like '%certification%' then 'certification'
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
)

select * from final
