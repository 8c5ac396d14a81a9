with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

-- 特定健診 from 40 to 74; the late elderly of any age.
examinees as (
    select * from {{ ref('checkup') }}
    where
        is_first_of_year
        and (scheme_code = 'koki' or age_at_fiscal_year_end between 40 and 74)
        and exam_month in (select month from months)
        and {{ is_counted_year('fiscal_year') }}
),

answers as (
    select * from {{ ref('checkup_result') }}
    where code_value is not null and {{ is_counted_month('exam_month') }}
),

-- Which answers of a question an indicator counts; the choices of some questions changed with R6.
counted_answers as (
    select * from {{ ref('questionnaire_answers') }}
),

final as (
    select
        counted_answers.indicator_id,
        examinees.scheme_code,
        examinees.insurer_number,
        examinees.municipality_code,
        examinees.district_code,
        examinees.exam_month as month,
        examinees.fiscal_year,
        examinees.sex_code,
        examinees.fiscal_year_age_band_code as age_band_code,
        examinees.person_id,
        cast(
            case
                when concat(' ', counted_answers.counted_codes, ' ') like concat('% ', answers.code_value, ' %') then 1
                else 0
            end as bigint
        ) as numerator,
        cast(1 as bigint) as denominator
    from examinees
    inner join answers
        on
            examinees.linkage_domain = answers.linkage_domain
            and examinees.record_key_tag = answers.record_key_tag
    inner join counted_answers
        on
            answers.item_id = counted_answers.item_id
            and examinees.age_at_fiscal_year_end between counted_answers.age_from and counted_answers.age_to
            and examinees.exam_date >= counted_answers.valid_from
            and (counted_answers.valid_to is null or examinees.exam_date < counted_answers.valid_to)
)

select * from final
