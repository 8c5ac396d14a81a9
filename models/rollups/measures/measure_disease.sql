{#- What diseases cost, both ways: by the one disease that each 医科 receipt's cost is given to (claim_attribution), and
    by every disease that a person has. Numerators by class; the denominators of rates over members and of shares of a
    total belong to no class and stand once (class_code ''), those of other indicators in theirs (base_indicator_id). -#}
{%- set place = [
    'scheme_code', 'insurer_number', 'municipality_code', 'district_code', 'fiscal_year', 'sex_code', 'age_band_code',
    'person_id'
] -%}
{%- set over_base = [
    ('disease_cost_per_member_month', 'cost_yen'),
    ('disease_inpatient_cost_per_member_month', 'inpatient_yen'),
    ('disease_outpatient_cost_per_member_month', 'outpatient_yen'),
    ('disease_claims_per_1000', 'claims_count'),
    ('disease_inpatient_claims_per_1000', 'inpatient_claims_count'),
    ('disease_outpatient_claims_per_1000', 'outpatient_claims_count'),
    ('disease_cost_share', 'cost_yen'),
] -%}
{%- set over_own = [
    ('disease_cost_per_inpatient_claim', 'inpatient_yen', 'inpatient_claims_count'),
    ('disease_days_per_inpatient_claim', 'inpatient_days_count', 'inpatient_claims_count'),
    ('disease_cost_per_outpatient_claim', 'outpatient_with_pharmacy_yen', 'outpatient_claims_count'),
] -%}
{%- set sums = [
    'claims_count', 'inpatient_claims_count', 'outpatient_claims_count', 'cost_yen', 'inpatient_yen', 'outpatient_yen',
    'outpatient_with_pharmacy_yen', 'with_pharmacy_yen', 'inpatient_days_count'
] -%}
with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

classes as (
    select * from {{ ref('int_disease__assign_classes') }}
    where class_kind_code <> 'certified'
),

attributed as (
    select * from {{ ref('claim_attribution') }}
    where service_month in (select month from months)
),

of_diseases as (
    select
        {{ place | join(', ') }},
        service_month as month,
        icd10_code,
        is_dialysed,
        count(case when attribution_method_code <> 'unmatched' then 1 end) as claims_count,
        count(case when attribution_method_code <> 'unmatched' and is_inpatient then 1 end) as inpatient_claims_count,
        count(case when attribution_method_code <> 'unmatched' and not is_inpatient then 1 end) as outpatient_claims_count,
        sum(points * 10) as cost_yen,
        sum(case when is_inpatient then points * 10 else 0 end) as inpatient_yen,
        sum(case when is_inpatient then 0 else points * 10 end) as outpatient_yen,
        sum(case when is_inpatient then 0 else (points + pharmacy_points) * 10 end) as outpatient_with_pharmacy_yen,
        sum((points + pharmacy_points) * 10) as with_pharmacy_yen,
        coalesce(sum(case when is_inpatient then days_count else 0 end), 0) as inpatient_days_count
    from attributed
    where icd10_code is not null
    group by {{ place | join(', ') }}, service_month, icd10_code, is_dialysed
),

of_classes as (
    select
        {% for column in place %}of_diseases.{{ column }}, {% endfor %}
        of_diseases.month,
        classes.class_kind_code,
        classes.class_code,
        {% for column in sums -%}
        sum(of_diseases.{{ column }}) as {{ column }}{{ ', ' if not loop.last }}
        {%- endfor %}
    from of_diseases
    inner join classes
        on
            of_diseases.icd10_code = classes.icd10_code
            and of_diseases.is_dialysed = classes.is_dialysed
            and of_diseases.month >= classes.valid_from
            and (classes.valid_to is null or of_diseases.month < classes.valid_to)
    group by
        {% for column in place %}of_diseases.{{ column }}, {% endfor %}
        of_diseases.month, classes.class_kind_code, classes.class_code
),

written as (
    select * from {{ ref('claim_disease') }}
),

known as (
    select * from {{ source('control', 'known_disease') }}
),

-- A disease that a member has: on any 医科 receipt of the month and not only suspected.
suffered as (
    select distinct
        {% for column in place %}attributed.{{ column }}, {% endfor %}
        attributed.service_month as month,
        classes.class_code
    from attributed
    inner join written
        on
            attributed.linkage_domain = written.linkage_domain
            and attributed.record_key_tag = written.record_key_tag
            and not written.is_suspected
    left join known on written.disease_code = known.disease_code
    inner join classes
        on
            coalesce(written.icd10_code, known.icd10_code) = classes.icd10_code
            and attributed.is_dialysed = classes.is_dialysed
            and attributed.service_month >= classes.valid_from
            and (classes.valid_to is null or attributed.service_month < classes.valid_to)
    where attributed.sex_code <> 'U'
),

contributions as (
    {% for indicator, numerator in over_base -%}
    select
        '{{ indicator }}' as indicator_id,
        class_code,
        {{ place | join(', ') }},
        month,
        {{ numerator }} as numerator,
        0 as denominator
    from of_classes
    union all
    {% endfor -%}
    {% for indicator, numerator, denominator in over_own -%}
    select
        '{{ indicator }}' as indicator_id,
        class_code,
        {{ place | join(', ') }},
        month,
        {{ numerator }} as numerator,
        {{ denominator }} as denominator
    from of_classes
    where {{ denominator }} > 0
    union all
    {% endfor -%}
    select
        'lifestyle_cost_share' as indicator_id,
        class_code,
        {{ place | join(', ') }},
        month,
        with_pharmacy_yen as numerator,
        0 as denominator
    from of_classes
    where class_kind_code = 'lifestyle'
    union all
    select
        'lifestyle_cost_share' as indicator_id,
        '' as class_code,
        {{ place | join(', ') }},
        month,
        0 as numerator,
        with_pharmacy_yen as denominator
    from of_classes
    where class_kind_code = 'lifestyle'
    union all
    select
        'disease_patients' as indicator_id,
        class_code,
        {{ place | join(', ') }},
        month,
        1 as numerator,
        0 as denominator
    from suffered
),

final as (
    select
        indicator_id,
        scheme_code,
        insurer_number,
        municipality_code,
        district_code,
        month,
        fiscal_year,
        sex_code,
        age_band_code,
        person_id,
        cast(sum(numerator) as bigint) as numerator,
        cast(sum(denominator) as bigint) as denominator,
        class_code
    from contributions
    where numerator <> 0 or denominator <> 0
    group by
        indicator_id, class_code, scheme_code, insurer_number, municipality_code, district_code, month, fiscal_year,
        sex_code, age_band_code, person_id
)

select * from final
