with members as (
    select * from {{ ref('person_month') }}
    where scheme_code in ('kokuho', 'kumiai') and {{ is_counted_year('fiscal_year', years_before=1) }}
),

months as (
    select * from {{ ref('int_calendar__list_months') }}
),

-- As of the month of reference: members at a month's end so far, aged 40 or more at the year's end, not yet 75.
spine as (
    select
        members.*,
        members.is_member and members.age_at_fiscal_year_end >= 40 and members.age_at_month_end < 75 as is_eligible
    from members
),

eligible_since as (
    select
        person_id,
        scheme_code,
        insurer_number,
        fiscal_year,
        min(month) as first_month
    from spine
    where is_eligible
    group by person_id, scheme_code, insurer_number, fiscal_year
),

-- The first examination as a member: one before joining is nobody's attendance.
examinations as (
    select
        person_id,
        scheme_code,
        insurer_number,
        fiscal_year,
        min(exam_month) as exam_month
    from {{ ref('checkup') }}
    where
        scheme_code in ('kokuho', 'kumiai')
        and is_member_matched
        and {{ is_counted_year('fiscal_year', years_before=1) }}
    group by person_id, scheme_code, insurer_number, fiscal_year
),

examined as (
    select
        examinations.*,
        greatest(examinations.exam_month, eligible_since.first_month) as month
    from examinations
    inner join eligible_since
        on
            examinations.person_id = eligible_since.person_id
            and examinations.scheme_code = eligible_since.scheme_code
            and examinations.insurer_number = eligible_since.insurer_number
            and examinations.fiscal_year = eligible_since.fiscal_year
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
    -- Who left or turned 75 in the month of the examination is in the year's numerator and not in the month's.
    select
        'attendance_asof' as indicator_id,
        spine.scheme_code,
        spine.insurer_number,
        spine.municipality_code,
        spine.district_code,
        spine.month,
        spine.fiscal_year,
        spine.sex_code,
        spine.fiscal_year_age_band_code as age_band_code,
        spine.person_id,
        cast(case when examined.person_id is null then 0 else 1 end as bigint) as numerator,
        cast(case when spine.is_eligible then 1 else 0 end as bigint) as denominator
    from spine
    left join examined
        on
            spine.person_id = examined.person_id
            and spine.scheme_code = examined.scheme_code
            and spine.insurer_number = examined.insurer_number
            and spine.month = examined.month
    where spine.is_eligible or examined.person_id is not null
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
        cast(case when examinations.person_id is null then 0 else 1 end as bigint) as numerator,
        cast(1 as bigint) as denominator
    from at_year_end
    left join examinations
        on
            at_year_end.person_id = examinations.person_id
            and at_year_end.scheme_code = examinations.scheme_code
            and at_year_end.insurer_number = examinations.insurer_number
            and at_year_end.fiscal_year = examinations.fiscal_year
)

select * from final
