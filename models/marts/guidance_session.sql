{{ config(
    pre_hook="{{ delete_reached('month', 'guidance_session.guidance_month', ['guidance', 'guidance_session']) }}"
) }}

with lines as (
    select * from {{ ref('stg_checkup__guidance_session') }}
),

sessions as (
    select *
    from lines
    where
        not is_withdrawn
        and {{ only_reached('lines', 'month', 'lines.guidance_month', ['guidance', 'guidance_session']) }}
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

final as (
    select
        sessions.linkage_domain,
        sessions.record_key_tag,
        identities.person_id,
        sessions.scheme_code,
        sessions.insurer_number,
        sessions.guidance_month,
        sessions.sequence_number,
        sessions.session_kind_code,
        sessions.session_date,
        sessions.support_form_code,
        sessions.staff_kind_code,
        sessions.minute_count,
        sessions.points,
        sessions.waist,
        sessions.weight
    from sessions
    left join identities
        on sessions.linkage_domain = identities.linkage_domain and sessions.identity_tag = identities.identity_tag
)

select * from final
