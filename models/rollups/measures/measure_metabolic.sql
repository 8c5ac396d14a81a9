{#- メタボ該当・予備群レベル, from the values and the answers on drugs, by the seed metabolic_criteria.

    A risk is judged by the items of the least precedence that were measured (HbA1c only where no 空腹時血糖 is);
    a drug of precedence 0 is a risk by itself. -#}
{%- set risks = ['waist', 'bmi', 'glucose', 'lipid', 'pressure'] -%}
with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

examinees as (
    select * from {{ ref('checkup') }}
    where
        scheme_code in ('kokuho', 'kumiai')
        and is_first_of_year
        and age_at_fiscal_year_end between 40 and 74
        and waist is not null
        and exam_month in (select month from months)
        and {{ is_counted_year('fiscal_year') }}
),

results as (
    select * from {{ ref('checkup_result') }}
    where {{ is_counted_month('exam_month') }}
),

criteria as (
    select * from {{ ref('metabolic_criteria') }}
),

judged as (
    select
        examinees.linkage_domain,
        examinees.record_key_tag,
        criteria.risk_code,
        criteria.precedence,
        max(case
            when criteria.code_value is not null and results.code_value = criteria.code_value then 1
            when criteria.operator = '>=' and results.numeric_value >= criteria.value then 1
            when criteria.operator = '<' and results.numeric_value < criteria.value then 1
            else 0
        end) as is_reached
    from examinees
    inner join criteria
        on
            criteria.sex_code in ('all', examinees.sex_code)
            and examinees.exam_date >= criteria.valid_from
            and (criteria.valid_to is null or examinees.exam_date < criteria.valid_to)
    inner join results
        on
            examinees.linkage_domain = results.linkage_domain
            and examinees.record_key_tag = results.record_key_tag
            and criteria.item_id = results.item_id
    where results.numeric_value is not null or results.code_value is not null
    group by examinees.linkage_domain, examinees.record_key_tag, criteria.risk_code, criteria.precedence
),

first_measured as (
    select
        linkage_domain,
        record_key_tag,
        risk_code,
        min(precedence) as precedence
    from judged
    where precedence > 0
    group by linkage_domain, record_key_tag, risk_code
),

reached as (
    select
        judged.linkage_domain,
        judged.record_key_tag,
        {% for risk in risks -%}
        max(case when judged.risk_code = '{{ risk }}' then judged.is_reached else 0 end) = 1
            as has_{{ risk }}{{ ',' if not loop.last }}
        {% endfor %}
    from judged
    left join first_measured
        on
            judged.linkage_domain = first_measured.linkage_domain
            and judged.record_key_tag = first_measured.record_key_tag
            and judged.risk_code = first_measured.risk_code
    where judged.precedence = 0 or judged.precedence = first_measured.precedence
    group by judged.linkage_domain, judged.record_key_tag
),

levels as (
    {% for indicator, condition in [
        ('metabolic_bmi_only', 'not has_waist and has_bmi'),
        ('metabolic_glucose_only', 'has_waist and has_glucose and not has_pressure and not has_lipid'),
        ('metabolic_pressure_only', 'has_waist and not has_glucose and has_pressure and not has_lipid'),
        ('metabolic_lipid_only', 'has_waist and not has_glucose and not has_pressure and has_lipid'),
        ('metabolic_glucose_pressure', 'has_waist and has_glucose and has_pressure and not has_lipid'),
        ('metabolic_glucose_lipid', 'has_waist and has_glucose and not has_pressure and has_lipid'),
        ('metabolic_pressure_lipid', 'has_waist and not has_glucose and has_pressure and has_lipid'),
        ('metabolic_all_three', 'has_waist and has_glucose and has_pressure and has_lipid'),
        ('lean_high_glucose', 'not has_waist and not has_bmi and has_glucose'),
    ] -%}
    select
        '{{ indicator }}' as indicator_id,
        linkage_domain,
        record_key_tag,
        case when {{ condition }} then 1 else 0 end as numerator
    from reached
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

final as (
    select
        levels.indicator_id,
        examinees.scheme_code,
        examinees.insurer_number,
        examinees.municipality_code,
        examinees.district_code,
        examinees.exam_month as month,
        examinees.fiscal_year,
        examinees.sex_code,
        examinees.fiscal_year_age_band_code as age_band_code,
        examinees.person_id,
        cast(levels.numerator as bigint) as numerator,
        cast(1 as bigint) as denominator
    from levels
    inner join examinees
        on
            levels.linkage_domain = examinees.linkage_domain
            and levels.record_key_tag = examinees.record_key_tag
)

select * from final
