with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

examinees as (
    select * from {{ ref('checkup') }}
    where
        scheme_code in ('kokuho', 'kumiai')
        and is_first_of_year
        and age_at_fiscal_year_end between 40 and 74
        and exam_month in (select month from months)
        and {{ is_counted_year('fiscal_year') }}
),

-- The level is what the checkup file says: 1 積極的支援, 2 動機付け支援.
targets as (
    select * from examinees
    where guidance_level_code in ('1', '2')
),

-- A year for which no guidance of an insurer has come is missing, not zero.
came as (
    select distinct
        scheme_code,
        insurer_number,
        guidance_fiscal_year
    from {{ ref('guidance') }}
),

-- 終了者: the guidance of the year, at the same insurer, has its final evaluation.
evaluated as (
    select distinct
        person_id,
        scheme_code,
        insurer_number,
        guidance_fiscal_year
    from {{ ref('guidance') }}
    where is_evaluated and person_id is not null
),

-- 利用者 of the year before: a first interview was held.
users_before as (
    select distinct
        person_id,
        scheme_code,
        insurer_number,
        guidance_fiscal_year + 1 as fiscal_year
    from {{ ref('guidance') }}
    where first_interview_date is not null and person_id is not null
),

counted as (
    select
        'guidance_target' as indicator_id,
        examinees.*,
        case when guidance_level_code in ('1', '2') then 1 else 0 end as numerator
    from examinees
    where guidance_level_code in ('1', '2', '3')
    union all
    select
        'guidance_completion' as indicator_id,
        targets.*,
        case when evaluated.person_id is null then 0 else 1 end as numerator
    from targets
    inner join came
        on
            targets.scheme_code = came.scheme_code
            and targets.insurer_number = came.insurer_number
            and targets.fiscal_year = came.guidance_fiscal_year
    left join evaluated
        on
            targets.person_id = evaluated.person_id
            and targets.scheme_code = evaluated.scheme_code
            and targets.insurer_number = evaluated.insurer_number
            and targets.fiscal_year = evaluated.guidance_fiscal_year
    union all
    select
        'guidance_reduction' as indicator_id,
        examinees.*,
        case when guidance_level_code = '3' then 1 else 0 end as numerator
    from examinees
    inner join users_before
        on
            examinees.person_id = users_before.person_id
            and examinees.scheme_code = users_before.scheme_code
            and examinees.insurer_number = users_before.insurer_number
            and examinees.fiscal_year = users_before.fiscal_year
    where guidance_level_code in ('1', '2', '3')
),

final as (
    select
        indicator_id,
        scheme_code,
        insurer_number,
        municipality_code,
        district_code,
        exam_month as month,
        fiscal_year,
        sex_code,
        fiscal_year_age_band_code as age_band_code,
        person_id,
        cast(numerator as bigint) as numerator,
        cast(1 as bigint) as denominator
    from counted
)

select * from final
