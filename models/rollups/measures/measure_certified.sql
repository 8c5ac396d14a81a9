{#- Of what the certified are ill (有病状況): certified persons who are a member of 国保 or 後期 in the month whose receipts
    came, and of them who has the disease on a 医科 receipt of the month, not only suspected. By class of disease; the
    certified themselves stand once under class_code ''. -#}
{%- set place = [
    'scheme_code', 'insurer_number', 'municipality_code', 'month', 'fiscal_year', 'sex_code', 'age_band_code',
    'person_id'
] -%}
with receipts as (
    select * from {{ ref('claim') }}
    where
        not is_summary
        and claim_kind_code in ('medical', 'dpc')
        and {{ is_counted_year('fiscal_year') }}
),

delivered as (
    select distinct
        scheme_code,
        insurer_number,
        service_month as month
    from receipts
),

insured as (
    select distinct
        spine.person_id,
        spine.month
    from {{ ref('person_month') }} as spine
    inner join delivered
        on
            spine.scheme_code = delivered.scheme_code
            and spine.insurer_number = delivered.insurer_number
            and spine.month = delivered.month
    where spine.is_member and {{ is_counted_year('spine.fiscal_year') }}
),

certified as (
    select care.*
    from {{ ref('care_person_month') }} as care
    inner join insured on care.person_id = insured.person_id and care.month = insured.month
),

known as (
    select * from {{ source('control', 'known_disease') }}
),

classes as (
    select distinct
        icd10_code,
        class_code,
        valid_from,
        valid_to
    from {{ ref('int_disease__assign_classes') }}
    where class_kind_code = 'certified'
),

ill as (
    select distinct
        written.person_id,
        written.service_month as month,
        classes.class_code
    from {{ ref('claim_disease') }} as written
    left join known on written.disease_code = known.disease_code
    inner join classes
        on
            coalesce(written.icd10_code, known.icd10_code) = classes.icd10_code
            and written.service_month >= classes.valid_from
            and (classes.valid_to is null or written.service_month < classes.valid_to)
    where
        not written.is_suspected
        and written.claim_kind_code in ('medical', 'dpc')
        and {{ is_counted_month('written.service_month') }}
),

counted as (
    select
        {{ place | join(', ') }},
        0 as numerator,
        1 as denominator,
        '' as class_code
    from certified
    union all
    select
        {% for column in place %}certified.{{ column }}, {% endfor %}
        1 as numerator,
        0 as denominator,
        ill.class_code
    from certified
    inner join ill on certified.person_id = ill.person_id and certified.month = ill.month
),

final as (
    select
        'certified_patients' as indicator_id,
        scheme_code,
        insurer_number,
        municipality_code,
        cast(null as varchar) as district_code,
        month,
        fiscal_year,
        sex_code,
        age_band_code,
        person_id,
        cast(numerator as bigint) as numerator,
        cast(denominator as bigint) as denominator,
        class_code
    from counted
)

select * from final
