with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

known as (
    select * from {{ source('control', 'known_disease') }}
),

claims as (
    select * from {{ ref('claim') }}
    where
        not is_summary
        and claim_kind_code <> 'pharmacy'
        and service_month in (select month from months)
        and {{ is_counted_year('fiscal_year') }}
),

-- 0000999 未コード化傷病名 has no code to classify by. A DPC receipt writes the ICD-10 beside each disease itself.
unclassified as (
    select distinct
        diseases.linkage_domain,
        diseases.record_key_tag
    from {{ ref('claim_disease') }} as diseases
    left join known on diseases.disease_code = known.disease_code
    where
        {{ is_counted_month('diseases.service_month') }}
        and diseases.icd10_code is null
        and (known.disease_code is null or diseases.disease_code = '0000999')
),

final as (
    select
        'unclassified_claims' as indicator_id,
        claims.scheme_code,
        claims.insurer_number,
        claims.municipality_code,
        claims.district_code,
        claims.service_month as month,
        claims.fiscal_year,
        claims.sex_code,
        claims.age_band_code,
        claims.person_id,
        cast(count(unclassified.record_key_tag) as bigint) as numerator,
        cast(count(*) as bigint) as denominator
    from claims
    left join unclassified
        on
            claims.linkage_domain = unclassified.linkage_domain
            and claims.record_key_tag = unclassified.record_key_tag
    group by
        claims.scheme_code,
        claims.insurer_number,
        claims.municipality_code,
        claims.district_code,
        claims.service_month,
        claims.fiscal_year,
        claims.sex_code,
        claims.age_band_code,
        claims.person_id
)

select * from final
