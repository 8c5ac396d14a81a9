{{ config(materialized='view') }}

with records as (
    select * from {{ ref('stg_enrolment__enrolment') }}
    where not is_withdrawn
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

absent as (
    select * from {{ ref('int_enrolment__end_absent') }}
),

-- Whom a full delivery does not name has ended on its day, with a reason of its own, unless told to have ended before.
ended as (
    select
        records.*,
        case when absent.absent_from_date > records.applied_start_date then absent.absent_from_date
            when absent.absent_from_date is not null then records.applied_start_date
        end as absent_date
    from records
    left join absent
        on
            records.linkage_domain = absent.linkage_domain
            and records.record_key_tag = absent.record_key_tag
            and absent.absent_from_date < coalesce(records.applied_end_date, date '9999-12-31')
            and absent.absent_from_date < coalesce(records.lost_date, date '9999-12-31')
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
        coalesce(records.absent_date, records.lost_date) as lost_date,
        case when records.absent_date is null then records.lost_reason_code else 'absent' end as lost_reason_code,
        records.applied_start_date,
        -- Both ends are exclusive; where the insurance is lost before the application is ended, it ends with it.
        case
            when records.absent_date is not null then records.absent_date
            when records.applied_end_date is null then records.lost_date
            when records.lost_date is null then records.applied_end_date
            else least(records.applied_end_date, records.lost_date)
        end as applied_end_date,
        case
            when acquiring.reason_code is not null
                then coalesce(date_trunc('month', records.acquired_date) = records.birth_month + interval 75 year, false)
            when losing.reason_code is not null and records.absent_date is null
                then coalesce(date_trunc('month', records.lost_date) = records.birth_month + interval 75 year, false)
            else false
        end as is_turned_75
    from ended as records
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
