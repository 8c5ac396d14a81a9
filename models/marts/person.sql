{{ config(materialized='table') }}

with identities as (
    select * from {{ source('link', 'identity_person') }}
),

-- An identity travels with every batch that speaks of it; its clear fields are part of what its tag was made of.
described as (
    select distinct
        linkage_domain,
        identity_tag,
        sex_code,
        birth_month,
        is_born_on_first
    from {{ source('raw', 'identity') }}
),

-- What the ledgers of enrolment and certification say goes before what a receipt says, the newest first.
enrolments as (
    select
        person_id,
        sex_code,
        birth_month,
        is_born_on_first,
        1 as source_rank,
        applied_start_date as known_date
    from {{ ref('enrolment') }}
),

certifications as (
    select
        person_id,
        sex_code,
        birth_month,
        is_born_on_first,
        2 as source_rank,
        event_date as known_date
    from {{ ref('int_care_certification__resolve_intervals') }}
),

others as (
    select
        identities.person_id,
        described.sex_code,
        described.birth_month,
        described.is_born_on_first,
        3 as source_rank,
        date '0001-01-01' as known_date
    from identities
    inner join described
        on
            identities.linkage_domain = described.linkage_domain
            and identities.identity_tag = described.identity_tag
),

statements as (
    select * from enrolments
    union all
    select * from certifications
    union all
    select * from others
),

ranked as (
    select
        statements.*,
        row_number() over (
            partition by statements.person_id
            order by
                statements.source_rank asc,
                statements.known_date desc,
                statements.birth_month asc,
                statements.is_born_on_first asc,
                statements.sex_code asc
        ) as choice
    from statements
),

people as (
    select
        person_id,
        min(linkage_domain) as linkage_domain,
        bool_and(is_provisional) as is_provisional
    from identities
    group by person_id
),

final as (
    select
        people.person_id,
        people.linkage_domain,
        ranked.sex_code,
        ranked.birth_month,
        ranked.is_born_on_first,
        people.is_provisional
    from people
    left join ranked on people.person_id = ranked.person_id and ranked.choice = 1
)

select * from final
