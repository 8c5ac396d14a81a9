{{ config(pre_hook="{{ delete_reached('month', 'person_month.month', ['enrolment']) }}") }}

with enrolments as (
    select * from {{ ref('enrolment') }}
),

months as (
    select * from {{ ref('int_calendar__list_months') }}
),

ages as (
    select * from {{ ref('int_age__assign_band') }}
),

spread as (
    select
        enrolments.*,
        months.month,
        months.next_month,
        months.fiscal_year,
        greatest(enrolments.applied_start_date, months.month) as covered_from_date,
        least(coalesce(enrolments.applied_end_date, months.next_month), months.next_month) as covered_until_date
    from enrolments
    inner join months
        on
            enrolments.applied_start_date < months.next_month
            and coalesce(enrolments.applied_end_date, date '9999-12-31') > months.month
    where coalesce(enrolments.applied_end_date, date '9999-12-31') > enrolments.applied_start_date
),

reached as (
    select *
    from spread
    where {{ only_reached('spread', 'month', 'spread.month', ['enrolment']) }}
),

-- Intervals of one person at one insurer may overlap (a new number on re-joining): a day is covered once.
laid as (
    select
        reached.*,
        max(reached.covered_until_date) over (
            in_order rows between unbounded preceding and 1 preceding
        ) as covered_before_date,
        row_number() over (
            partition by reached.person_id, reached.scheme_code, reached.insurer_number, reached.month
            order by reached.covered_until_date desc, reached.applied_start_date desc, reached.record_key_tag asc
        ) as choice
    from reached
    window in_order as (
        partition by reached.person_id, reached.scheme_code, reached.insurer_number, reached.month
        order by reached.covered_from_date, reached.covered_until_date, reached.record_key_tag
    )
),

covered as (
    select
        person_id,
        scheme_code,
        insurer_number,
        month,
        sum(
            case
                when covered_before_date is null or covered_before_date <= covered_from_date
                    then {{ days_between('covered_from_date', 'covered_until_date') }}
                when covered_before_date < covered_until_date
                    then {{ days_between('covered_before_date', 'covered_until_date') }}
                else 0
            end
        ) as covered_days,
        max(covered_until_date) = max(next_month) as is_member
    from laid
    group by person_id, scheme_code, insurer_number, month
),

aged as (
    select
        laid.*,
        {{ age_at_month_end('laid.birth_month', 'laid.is_born_on_first', 'laid.month') }} as age_at_month_end,
        {{ age_at_fiscal_year_end('laid.birth_month', 'laid.is_born_on_first', 'laid.fiscal_year') }}
            as age_at_fiscal_year_end
    from laid
    where laid.choice = 1
),

final as (
    select
        aged.linkage_domain,
        aged.person_id,
        aged.scheme_code,
        aged.insurer_number,
        aged.month,
        aged.fiscal_year,
        aged.municipality_code,
        aged.district_code,
        cast(covered.covered_days as bigint) as covered_days,
        covered.is_member,
        aged.sex_code,
        aged.age_at_month_end,
        aged.age_at_fiscal_year_end,
        coalesce(month_ages.age_band_code, 'unknown') as age_band_code,
        coalesce(year_ages.age_band_code, 'unknown') as fiscal_year_age_band_code
    from aged
    inner join covered
        on
            aged.person_id = covered.person_id
            and aged.scheme_code = covered.scheme_code
            and aged.insurer_number = covered.insurer_number
            and aged.month = covered.month
    left join ages as month_ages on aged.age_at_month_end = month_ages.age
    left join ages as year_ages on aged.age_at_fiscal_year_end = year_ages.age
)

select * from final
