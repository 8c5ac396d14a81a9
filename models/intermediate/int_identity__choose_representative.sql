{{ config(materialized='table') }}

with enrolments as (
    select
        person_id,
        scheme_code,
        insurer_number,
        identity_tag,
        applied_start_date as known_date
    from {{ ref('enrolment') }}
),

certifications as (
    select
        person_id,
        'care' as scheme_code,
        insurer_number,
        identity_tag,
        event_date as known_date
    from {{ ref('int_care_certification__resolve_intervals') }}
),

known as (
    select * from enrolments
    union all
    select * from certifications
),

ranked as (
    select
        known.*,
        row_number() over (
            partition by known.person_id, known.scheme_code, known.insurer_number
            order by known.known_date desc, known.identity_tag asc
        ) as choice
    from known
),

final as (
    select
        person_id,
        scheme_code,
        insurer_number,
        identity_tag
    from ranked
    where choice = 1
)

select * from final
