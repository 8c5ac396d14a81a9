with events as (
    select * from {{ ref('stg_care_certification__care_certification') }}
    where not is_withdrawn
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

owned as (
    select
        events.*,
        identities.person_id
    from events
    left join identities
        on events.linkage_domain = identities.linkage_domain and events.identity_tag = identities.identity_tag
),

-- An event that only restates a period told before (a change of address) speaks from its own date on. Any earlier event
-- counts, not only the one just before: so an event that comes or goes changes nothing earlier than its own dates.
told as (
    select
        owned.*,
        row_number() over (
            partition by owned.person_id, owned.insurer_number, owned.certified_start_date
            order by owned.event_date, owned.event_code, owned.event_reason_code, owned.record_key_tag
        ) as telling
    from owned
),

started as (
    select
        told.*,
        case
            when told.event_code = '3' or told.certified_start_date is null then told.event_date
            when told.telling > 1 then greatest(told.certified_start_date, told.event_date)
            -- Who moves in brings the dates of the insurer before: nobody is certified where not yet insured.
            else greatest(told.certified_start_date, coalesce(told.insured_start_date, told.certified_start_date))
        end as effective_start_date
    from told
),

-- What a later event says holds from its start on.
bounded as (
    select
        started.*,
        min(started.effective_start_date) over (
            partition by started.person_id, started.insurer_number
            order by started.event_date, started.event_code, started.event_reason_code, started.record_key_tag
            rows between 1 following and unbounded following
        ) as overtaken_date
    from started
),

final as (
    select
        linkage_domain,
        record_key_tag,
        identity_tag,
        person_id,
        birth_month,
        is_born_on_first,
        sex_code,
        insurer_number,
        municipality_code,
        event_date,
        event_code,
        event_reason_code,
        care_level_code,
        insured_start_date,
        insured_end_date,
        is_address_exception,
        effective_start_date as certified_start_date,
        -- 認定有効期間終了 is printed inclusive; here every end is exclusive.
        least(
            {{ add_days('certified_end_date', 1) }},
            coalesce(overtaken_date, date '9999-12-31'),
            coalesce(insured_end_date, date '9999-12-31')
        ) as certified_end_date,
        event_code <> '3' and care_level_code is not null and certified_end_date is not null as is_certification
    from bounded
)

select * from final
