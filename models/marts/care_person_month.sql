{{ config(pre_hook="{{ delete_reached('month', 'care_person_month.month', ['care_certification']) }}") }}

with certifications as (
    select * from {{ ref('care_certification') }}
    where is_in_force
),

months as (
    select * from {{ ref('int_calendar__list_months') }}
),

own_municipalities as (
    select * from {{ ref('int_insurer__find_own_municipality') }}
),

ages as (
    select * from {{ ref('int_age__assign_band') }}
),

-- Certified at the month's end: the certification covers the last day of the month.
spread as (
    select
        certifications.*,
        months.month,
        months.fiscal_year,
        {{ age_at_month_end('certifications.birth_month', 'certifications.is_born_on_first', 'months.month') }}
            as age_at_month_end
    from certifications
    inner join months
        on
            certifications.certified_start_date < months.next_month
            and certifications.certified_end_date >= months.next_month
),

reached as (
    select
        spread.*,
        row_number() over (
            partition by spread.person_id, spread.insurer_number, spread.month
            order by
                spread.event_date desc,
                spread.event_code desc,
                spread.event_reason_code desc,
                spread.record_key_tag asc
        ) as choice
    from spread
    where {{ only_reached('spread', 'month', 'spread.month', ['care_certification']) }}
),

final as (
    select
        reached.linkage_domain,
        reached.person_id,
        reached.scheme_code,
        reached.insurer_number,
        coalesce(reached.municipality_code, own_municipalities.municipality_code) as municipality_code,
        reached.month,
        reached.fiscal_year,
        reached.care_level_code,
        reached.sex_code,
        reached.age_at_month_end,
        coalesce(ages.age_band_code, 'unknown') as age_band_code
    from reached
    left join own_municipalities
        on
            reached.scheme_code = own_municipalities.scheme_code
            and reached.insurer_number = own_municipalities.insurer_number
            and reached.month = own_municipalities.month
    left join ages on reached.age_at_month_end = ages.age
    where reached.choice = 1
)

select * from final
