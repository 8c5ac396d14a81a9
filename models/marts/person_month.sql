{{ config(pre_hook="{{ delete_reached('month', 'person_month.month', ['enrolment']) }}") }}

with enrolments as (
    select
        *,
        count(*) over (partition by person_id, scheme_code, insurer_number) > 1 as is_one_of_several
    from {{ ref('enrolment') }}
    where coalesce(applied_end_date, date '9999-12-31') > applied_start_date
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
),

reached as (
    select *
    from spread
    where {{ only_reached('spread', 'month', 'spread.month', ['enrolment']) }}
),

-- Intervals of one person at one insurer may overlap (a new number on re-joining): a day is covered once.
laid as (
    select
        *,
        max(covered_until_date) over (
            in_order rows between unbounded preceding and 1 preceding
        ) as covered_before_date,
        row_number() over (
            partition by person_id, scheme_code, insurer_number, month
            order by covered_until_date desc, applied_start_date desc, record_key_tag asc
        ) as choice
    from reached
    where is_one_of_several
    window in_order as (
        partition by person_id, scheme_code, insurer_number, month
        order by covered_from_date, covered_until_date, record_key_tag
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

{% set described = [
    'linkage_domain', 'person_id', 'scheme_code', 'insurer_number', 'month', 'fiscal_year', 'municipality_code',
    'district_code', 'sex_code', 'birth_month', 'is_born_on_first'
] -%}
-- Nearly everybody has one interval at an insurer, of which nothing overlaps.
members as (
    select
        {{ described | join(', ') }},
        {{ days_between('covered_from_date', 'covered_until_date') }} as covered_days,
        covered_until_date = next_month as is_member
    from reached
    where not is_one_of_several
    union all
    select
        {{ columns_of('laid', described) }},
        covered.covered_days,
        covered.is_member
    from laid
    inner join covered
        on
            laid.person_id = covered.person_id
            and laid.scheme_code = covered.scheme_code
            and laid.insurer_number = covered.insurer_number
            and laid.month = covered.month
    where laid.choice = 1
),

aged as (
    select
        *,
        {{ age_at_month_end('birth_month', 'is_born_on_first', 'month') }} as age_at_month_end,
        {{ age_at_fiscal_year_end('birth_month', 'is_born_on_first', 'fiscal_year') }} as age_at_fiscal_year_end
    from members
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
        cast(aged.covered_days as bigint) as covered_days,
        aged.is_member,
        aged.sex_code,
        aged.age_at_month_end,
        aged.age_at_fiscal_year_end,
        coalesce(month_ages.age_band_code, 'unknown') as age_band_code,
        coalesce(year_ages.age_band_code, 'unknown') as fiscal_year_age_band_code
    from aged
    left join ages as month_ages on aged.age_at_month_end = month_ages.age
    left join ages as year_ages on aged.age_at_fiscal_year_end = year_ages.age
)

select * from final
