with spine as (
    select * from {{ ref('person_month') }}
    where scheme_code in ('kokuho', 'kumiai')
),

checkups as (
    select * from {{ ref('checkup') }}
    where scheme_code in ('kokuho', 'kumiai') and is_first_of_year
),

months as (
    select * from {{ ref('int_calendar__list_months') }}
),

-- As of the month of reference: members at a month's end so far, aged 40 or more at the year's end, not yet 75.
eligible as (
    select * from spine
    where is_member and age_at_fiscal_year_end >= 40 and age_at_month_end < 75
),

eligible_since as (
    select
        person_id,
        scheme_code,
        insurer_number,
        fiscal_year,
        min(month) as first_month
    from eligible
    group by person_id, scheme_code, insurer_number, fiscal_year
),

examined as (
    select
        checkups.*,
        greatest(checkups.exam_month, eligible_since.first_month) as month
    from checkups
    inner join eligible_since
        on
            checkups.person_id = eligible_since.person_id
            and checkups.scheme_code = eligible_since.scheme_code
            and checkups.insurer_number = eligible_since.insurer_number
            and checkups.fiscal_year = eligible_since.fiscal_year
    where checkups.is_member_matched
),

-- Legal: covered by the same insurer on every day from 1 April to 31 March, aged 40 to 74 at its end.
whole_year as (
    select
        person_id,
        scheme_code,
        insurer_number,
        fiscal_year
    from spine
    group by person_id, scheme_code, insurer_number, fiscal_year
    having
        sum(covered_days)
        = {{ days_between(fiscal_year_start('fiscal_year'), fiscal_year_start('(fiscal_year + 1)')) }}
),

at_year_end as (
    select spine.*
    from spine
    inner join months on spine.month = months.month and months.is_fiscal_year_end
    inner join whole_year
        on
            spine.person_id = whole_year.person_id
            and spine.scheme_code = whole_year.scheme_code
            and spine.insurer_number = whole_year.insurer_number
            and spine.fiscal_year = whole_year.fiscal_year
    where spine.age_at_fiscal_year_end between 40 and 74
),

final as (
    select
        'attendance_asof' as indicator_id,
        scheme_code,
        insurer_number,
        municipality_code,
        district_code,
        month,
        fiscal_year,
        sex_code,
        fiscal_year_age_band_code as age_band_code,
        person_id,
        cast(0 as bigint) as numerator,
        cast(1 as bigint) as denominator
    from eligible
    union all
    select
        'attendance_asof' as indicator_id,
        scheme_code,
        insurer_number,
        municipality_code,
        district_code,
        month,
        fiscal_year,
        sex_code,
        fiscal_year_age_band_code as age_band_code,
        person_id,
        cast(1 as bigint) as numerator,
        cast(0 as bigint) as denominator
    from examined
    union all
    select
        'attendance_legal' as indicator_id,
        at_year_end.scheme_code,
        at_year_end.insurer_number,
        at_year_end.municipality_code,
        at_year_end.district_code,
        at_year_end.month,
        at_year_end.fiscal_year,
        at_year_end.sex_code,
        at_year_end.fiscal_year_age_band_code as age_band_code,
        at_year_end.person_id,
        cast(case when checkups.person_id is null then 0 else 1 end as bigint) as numerator,
        cast(1 as bigint) as denominator
    from at_year_end
    left join checkups
        on
            at_year_end.person_id = checkups.person_id
            and at_year_end.scheme_code = checkups.scheme_code
            and at_year_end.insurer_number = checkups.insurer_number
            and at_year_end.fiscal_year = checkups.fiscal_year
)

select * from final
