{{ config(materialized='view') }}

with records as (
    select * from {{ ref('stg_enrolment__enrolment') }}
    where not is_withdrawn
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

-- 国保 leaves and 後期 enters for the 後期 scheme: by age or by 障害認定; the month of the birthday tells which.
koki_changes as (
    select
        scheme_code,
        side,
        reason_code
    from {{ ref('enrolment_reasons') }}
    where change_code = 'koki'
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
        end as applied_end_date,
        case
            when acquiring.reason_code is not null
                then coalesce(date_trunc('month', records.acquired_date) = records.birth_month + interval 75 year, false)
            when losing.reason_code is not null
                then coalesce(date_trunc('month', records.lost_date) = records.birth_month + interval 75 year, false)
            else false
        end as is_turned_75
    from records
    left join identities
        on records.linkage_domain = identities.linkage_domain and records.identity_tag = identities.identity_tag
    left join koki_changes as acquiring
        on
            records.scheme_code = acquiring.scheme_code
            and acquiring.side = 'acquired'
            and records.acquired_reason_code = acquiring.reason_code
    left join koki_changes as losing
        on
            records.scheme_code = losing.scheme_code
            and losing.side = 'lost'
            and records.lost_reason_code = losing.reason_code
)

select * from final
