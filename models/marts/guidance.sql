{{ config(
    pre_hook="{{ delete_reached('month', 'guidance.guidance_month', ['guidance', 'guidance_session']) }}"
) }}

with records as (
    select * from {{ ref('stg_checkup__guidance') }}
),

guidance as (
    select *
    from records
    where
        not is_withdrawn
        and {{ only_reached('records', 'month', 'records.guidance_month', ['guidance', 'guidance_session']) }}
),

lines as (
    select * from {{ ref('stg_checkup__guidance_session') }}
),

sessions as (
    select
        linkage_domain,
        record_key_tag,
        count(*) as session_count
    from lines
    where session_kind_code = 'support'
    group by linkage_domain, record_key_tag
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

final as (
    select
        guidance.linkage_domain,
        guidance.record_key_tag,
        guidance.identity_tag,
        identities.person_id,
        guidance.scheme_code,
        guidance.insurer_number,
        guidance.guidance_fiscal_year,
        guidance.guidance_month,
        guidance.sex_code,
        guidance.institution_code,
        guidance.report_code,
        guidance.support_level_code,
        guidance.first_interview_date,
        guidance.interim_evaluation_date,
        guidance.final_evaluation_date,
        guidance.final_evaluation_date is not null as is_evaluated,
        guidance.support_end_date,
        coalesce(sessions.session_count, 0) as session_count,
        guidance.planned_points,
        guidance.points,
        guidance.waist,
        guidance.weight
    from guidance
    left join sessions
        on guidance.linkage_domain = sessions.linkage_domain and guidance.record_key_tag = sessions.record_key_tag
    left join identities
        on guidance.linkage_domain = identities.linkage_domain and guidance.identity_tag = identities.identity_tag
)

select * from final
