{#- How well records are joined to persons, without truth: what cannot be, and what should be found.

    By insurer and month only, for all sexes and ages together. Everything is looked for within the scheme and fiscal
    year of the row, and no farther than the change set reaches. Members stand once, under overlapping_insurers, for all
    figures over them (seed indicator_bases). -#}
{%- set place = ['scheme_code', 'insurer_number', 'month', 'fiscal_year'] -%}
with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

reasons as (
    select * from {{ ref('enrolment_reasons') }}
),

enrolments as (
    select * from {{ ref('enrolment') }}
),

members as (
    select
        *,
        count(*) over (partition by person_id, scheme_code, month) > 1 as is_overlapping
    from {{ ref('person_month') }}
    where is_member and {{ is_counted_year('fiscal_year') }}
),

-- 資格 is of the prefecture and goes on through a move within it; 適用 says at which insurer, and from when.
acquired as (
    select distinct
        enrolments.person_id,
        enrolments.scheme_code,
        enrolments.insurer_number,
        reasons.change_code,
        {{ first_of_month('enrolments.applied_start_date') }} as month
    from enrolments
    inner join reasons
        on
            enrolments.scheme_code = reasons.scheme_code
            and enrolments.acquired_reason_code = reasons.reason_code
            and reasons.side = 'acquired'
),

lost as (
    select distinct
        enrolments.person_id,
        enrolments.scheme_code,
        enrolments.insurer_number,
        reasons.change_code,
        enrolments.is_turned_75,
        enrolments.lost_date,
        {{ first_of_month('least(enrolments.lost_date, coalesce(enrolments.applied_end_date, enrolments.lost_date))') }}
            as month
    from enrolments
    inner join reasons
        on
            enrolments.scheme_code = reasons.scheme_code
            and enrolments.lost_reason_code = reasons.reason_code
            and reasons.side = 'lost'
),

deaths as (
    select
        person_id,
        scheme_code,
        {{ fiscal_year('month') }} as fiscal_year,
        min(month) as month
    from lost
    where change_code = 'death'
    group by person_id, scheme_code, {{ fiscal_year('month') }}
),

claims as (
    select
        claims.scheme_code,
        claims.insurer_number,
        claims.service_month as month,
        claims.fiscal_year,
        claims.person_id,
        case when deaths.month < claims.service_month then 1 else 0 end as is_after_death
    from {{ ref('claim') }} as claims
    left join deaths
        on
            claims.person_id = deaths.person_id
            and claims.scheme_code = deaths.scheme_code
            and claims.fiscal_year = deaths.fiscal_year
    where not claims.is_summary and {{ is_counted_year('claims.fiscal_year') }}
),

-- Of one person, the enrolments of a scheme within a fiscal year say one sex and one month of birth.
years as (
    select
        fiscal_year,
        min(month) as first_date,
        max(next_month) as end_date
    from months
    group by fiscal_year
),

said as (
    select
        enrolments.person_id,
        enrolments.scheme_code,
        years.fiscal_year,
        count(distinct enrolments.sex_code) > 1 as has_two_sexes,
        count(distinct enrolments.birth_month) > 1 as has_two_births
    from enrolments
    inner join years
        on
            enrolments.applied_start_date < years.end_date
            and coalesce(enrolments.applied_end_date, date '9999-12-31') > years.first_date
    group by enrolments.person_id, enrolments.scheme_code, years.fiscal_year
),

described as (
    select
        members.*,
        said.has_two_sexes,
        said.has_two_births
    from members
    inner join said
        on
            members.person_id = said.person_id
            and members.scheme_code = said.scheme_code
            and members.fiscal_year = said.fiscal_year
),

-- Who leaves 国保 for 後期 at 75 is known; a 後期 enrolment of the same month says that the person was followed.
entered as (
    select distinct
        person_id,
        {{ first_of_month('applied_start_date') }} as month
    from enrolments
    where scheme_code = 'koki'
),

transitions as (
    select
        lost.*,
        months.fiscal_year,
        case when entered.person_id is null then 0 else 1 end as is_followed
    from lost
    inner join months on lost.month = months.month
    left join entered on lost.person_id = entered.person_id and lost.month = entered.month
    where lost.change_code = 'koki' and lost.is_turned_75 and lost.scheme_code = 'kokuho'
),

-- A move within the prefecture has an end and a start in one month; what lacks the other side crosses its border.
arrived as (
    select
        acquired.*,
        months.fiscal_year
    from acquired
    inner join months on acquired.month = months.month
    left join lost
        on
            acquired.person_id = lost.person_id
            and acquired.scheme_code = lost.scheme_code
            and acquired.month = lost.month
            and acquired.insurer_number <> lost.insurer_number
    where acquired.change_code = 'moved' and lost.person_id is null
),

departed as (
    select distinct
        lost.person_id,
        lost.scheme_code,
        lost.insurer_number,
        lost.month,
        months.fiscal_year
    from lost
    inner join months on lost.month = months.month
    left join acquired
        on
            lost.person_id = acquired.person_id
            and lost.scheme_code = acquired.scheme_code
            and lost.month = acquired.month
            and lost.insurer_number <> acquired.insurer_number
    where lost.change_code = 'moved' and acquired.person_id is null
),

certified as (
    select distinct
        person_id,
        month
    from {{ ref('care_person_month') }}
    where {{ is_counted_year('fiscal_year') }}
),

joined as (
    select
        'claims_after_death' as indicator_id,
        {{ place | join(', ') }},
        person_id,
        is_after_death as numerator,
        1 as denominator
    from claims
    union all
    select
        'overlapping_insurers' as indicator_id,
        {{ place | join(', ') }},
        person_id,
        case when is_overlapping then 1 else 0 end as numerator,
        1 as denominator
    from members
    {% for indicator, column in [('two_sexes', 'has_two_sexes'), ('two_birth_months', 'has_two_births')] -%}
    union all
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        person_id,
        1 as numerator,
        0 as denominator
    from described
    where {{ column }}
    {% endfor -%}
    union all
    select
        'checkups_joined' as indicator_id,
        scheme_code,
        insurer_number,
        exam_month as month,
        fiscal_year,
        person_id,
        case when is_member_matched then 1 else 0 end as numerator,
        1 as denominator
    from {{ ref('checkup') }}
    union all
    select
        'care_joined' as indicator_id,
        care.scheme_code,
        care.insurer_number,
        care.service_month as month,
        care.fiscal_year,
        care.person_id,
        case when certified.person_id is null then 0 else 1 end as numerator,
        1 as denominator
    from {{ ref('care_month') }} as care
    left join certified on care.person_id = certified.person_id and care.service_month = certified.month
    union all
    select
        'transitions_followed' as indicator_id,
        {{ place | join(', ') }},
        person_id,
        is_followed as numerator,
        1 as denominator
    from transitions
    {% for indicator, events in [('arrivals', 'arrived'), ('departures', 'departed')] -%}
    union all
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        person_id,
        1 as numerator,
        0 as denominator
    from {{ events }}
    {% endfor -%}
),

final as (
    select
        joined.indicator_id,
        joined.scheme_code,
        joined.insurer_number,
        cast(null as varchar) as municipality_code,
        cast(null as varchar) as district_code,
        joined.month,
        joined.fiscal_year,
        'U' as sex_code,
        'unknown' as age_band_code,
        joined.person_id,
        cast(sum(joined.numerator) as bigint) as numerator,
        cast(sum(joined.denominator) as bigint) as denominator
    from joined
    inner join months on joined.month = months.month
    group by
        joined.indicator_id,
        joined.scheme_code,
        joined.insurer_number,
        joined.month,
        joined.fiscal_year,
        joined.person_id
)

select * from final
