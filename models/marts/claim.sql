{{ config(pre_hook="{{ delete_reached('month', 'claim.service_month', ['claim', 'claim_diagnosis', 'claim_item', 'enrolment']) }}") }}

{%- set reaching = ['claim', 'claim_diagnosis', 'claim_item', 'enrolment'] %}

with records as (
    select * from {{ ref('stg_medical__claim') }}
),

claims as (
    select *
    from records
    where not is_withdrawn and {{ only_reached('records', 'month', 'records.service_month', reaching) }}
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

members as (
    select * from {{ ref('person_month') }}
),

own_municipalities as (
    select * from {{ ref('int_insurer__find_own_municipality') }}
),

diagnoses as (
    select * from {{ ref('claim_disease') }}
),

main_diseases as (
    select
        linkage_domain,
        record_key_tag,
        min_by(disease_code, sequence_number) as main_disease_code
    from diagnoses
    where
        is_main
        and {{ only_reached('diagnoses', 'month', 'diagnoses.service_month', reaching) }}
    group by linkage_domain, record_key_tag
),

items as (
    select * from {{ ref('claim_item') }}
),

drugs as (
    select
        linkage_domain,
        record_key_tag,
        count(distinct item_code) as drug_kinds_count
    from items
    where
        item_kind_code = 'IY'
        and {{ only_reached('items', 'month', 'items.service_month', reaching) }}
    group by linkage_domain, record_key_tag
),

final as (
    select
        claims.linkage_domain,
        claims.record_key_tag,
        claims.identity_tag,
        identities.person_id,
        claims.scheme_code,
        claims.insurer_number,
        case
            when members.person_id is null then own_municipalities.municipality_code
            else members.municipality_code
        end as municipality_code,
        members.district_code,
        claims.service_month,
        cast({{ fiscal_year('claims.service_month') }} as bigint) as fiscal_year,
        claims.adjudication_month,
        claims.claim_kind_code,
        claims.claim_type_code,
        claims.is_inpatient,
        claims.institution_code,
        claims.prescribing_institution_code,
        claims.admission_date,
        claims.days_count,
        claims.prescription_count,
        claims.visit_days_code,
        claims.points,
        claims.points * 10 as cost_yen,
        claims.meal_yen,
        coalesce(members.sex_code, 'U') as sex_code,
        coalesce(members.age_band_code, 'unknown') as age_band_code,
        members.person_id is not null as is_member_matched,
        claims.is_summary,
        claims.summary_code,
        claims.is_public_only,
        main_diseases.main_disease_code,
        coalesce(drugs.drug_kinds_count, 0) as drug_kinds_count
    from claims
    left join identities
        on claims.linkage_domain = identities.linkage_domain and claims.identity_tag = identities.identity_tag
    left join members
        on
            identities.person_id = members.person_id
            and claims.scheme_code = members.scheme_code
            and claims.insurer_number = members.insurer_number
            and claims.service_month = members.month
    left join own_municipalities
        on
            claims.scheme_code = own_municipalities.scheme_code
            and claims.insurer_number = own_municipalities.insurer_number
            and claims.service_month = own_municipalities.month
    left join main_diseases
        on claims.linkage_domain = main_diseases.linkage_domain and claims.record_key_tag = main_diseases.record_key_tag
    left join drugs
        on claims.linkage_domain = drugs.linkage_domain and claims.record_key_tag = drugs.record_key_tag
)

select * from final
