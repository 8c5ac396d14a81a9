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

results as (
    select * from {{ ref('checkup_result') }}
    where {{ is_counted_month('exam_month') }}
),

thresholds as (
    select * from {{ ref('thresholds') }}
),

-- One step may have a value for each sex, and several items that reach it (空腹時 and 随時).
steps as (
    select
        thresholds.threshold_id as indicator_id,
        examinees.linkage_domain,
        examinees.record_key_tag,
        max(case
            when thresholds.operator = '>=' and results.numeric_value >= thresholds.value then 1
            when thresholds.operator = '>' and results.numeric_value > thresholds.value then 1
            when thresholds.operator = '<' and results.numeric_value < thresholds.value then 1
            when thresholds.operator = '<=' and results.numeric_value <= thresholds.value then 1
            else 0
        end) as numerator,
        max(case when results.numeric_value is null then 0 else 1 end) as is_measured
    from examinees
    inner join thresholds
        on
            thresholds.sex_code in ('all', examinees.sex_code)
            and examinees.exam_date >= thresholds.valid_from
            and (thresholds.valid_to is null or examinees.exam_date < thresholds.valid_to)
    left join results
        on
            examinees.linkage_domain = results.linkage_domain
            and examinees.record_key_tag = results.record_key_tag
            and thresholds.item_id = results.item_id
    group by thresholds.threshold_id, examinees.linkage_domain, examinees.record_key_tag
),

judgements as (
    select
        'metabolic' as indicator_id,
        linkage_domain,
        record_key_tag,
        case when metabolic_code = '1' then 1 else 0 end as numerator
    from examinees
    where waist is not null
    union all
    select
        'premetabolic' as indicator_id,
        linkage_domain,
        record_key_tag,
        case when metabolic_code = '2' then 1 else 0 end as numerator
    from examinees
    where waist is not null
),

-- 共通評価指標: over those measured alone.
of_measured as (
    select
        measured_steps.indicator_id,
        steps.linkage_domain,
        steps.record_key_tag,
        max(steps.numerator) as numerator
    from steps
    inner join {{ ref('measured_steps') }} as measured_steps on steps.indicator_id = measured_steps.threshold_id
    inner join examinees
        on
            steps.linkage_domain = examinees.linkage_domain
            and steps.record_key_tag = examinees.record_key_tag
            and examinees.age_at_fiscal_year_end between measured_steps.age_from and measured_steps.age_to
            and examinees.exam_date >= measured_steps.valid_from
            and (measured_steps.valid_to is null or examinees.exam_date < measured_steps.valid_to)
    where steps.is_measured = 1
    group by measured_steps.indicator_id, steps.linkage_domain, steps.record_key_tag
),

-- Over all examinees: who was not measured stays in the denominator.
counted as (
    select
        indicator_id,
        linkage_domain,
        record_key_tag,
        numerator
    from steps
    union all
    select * from of_measured
    union all
    select * from judgements
),

final as (
    select
        counted.indicator_id,
        examinees.scheme_code,
        examinees.insurer_number,
        examinees.municipality_code,
        examinees.district_code,
        examinees.exam_month as month,
        examinees.fiscal_year,
        examinees.sex_code,
        examinees.fiscal_year_age_band_code as age_band_code,
        examinees.person_id,
        cast(counted.numerator as bigint) as numerator,
        cast(1 as bigint) as denominator
    from counted
    inner join examinees
        on
            counted.linkage_domain = examinees.linkage_domain
            and counted.record_key_tag = examinees.record_key_tag
)

select * from final
