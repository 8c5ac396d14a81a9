{{ config(materialized='view') }}

with records as (
    select * from {{ ref('stg_enrolment__enrolment') }}
    where not is_withdrawn
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

final as (
    select
        records.linkage_domain,
        records.record_key_tag,
        records.identity_tag,
        identities.person_id,
        records.birth_month,
        records.is_born_on_first,
        records.sex_code,
        records.scheme_code,
        records.insurer_number,
        records.municipality_code,
        records.district_code,
        records.district_name,
        records.acquired_date,
        records.acquired_reason_code,
        records.lost_date,
        records.lost_reason_code,
        records.applied_start_date,
        -- Both ends are exclusive; where the insurance is lost before the application is ended, it ends with it.
        case
            when records.applied_end_date is null then records.lost_date
            when records.lost_date is null then records.applied_end_date
            else least(records.applied_end_date, records.lost_date)
        end as applied_end_date
    from records
    left join identities
        on records.linkage_domain = identities.linkage_domain and records.identity_tag = identities.identity_tag
)

select * from final
