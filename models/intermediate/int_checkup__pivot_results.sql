{%- set values = [
    'height', 'weight', 'bmi', 'waist', 'systolic', 'diastolic', 'triglyceride_fasting', 'triglyceride_casual', 'hdl',
    'ldl', 'non_hdl', 'ast', 'alt', 'gamma_gt', 'glucose_fasting', 'glucose_casual', 'hba1c', 'creatinine', 'egfr',
    'uric_acid'
] -%}
{%- set codes = [
    'metabolic_judgement', 'guidance_level', 'urine_glucose', 'urine_protein', 'drug_pressure', 'drug_glucose',
    'drug_lipid', 'smoking'
] -%}
with results as (
    select * from {{ ref('stg_checkup__checkup_result') }}
    where not is_withdrawn
),

final as (
    select
        linkage_domain,
        record_key_tag,
        scheme_code,
        insurer_number,
        exam_month,
        {% for item in values -%}
        max(case when item_id = '{{ item }}' then numeric_value end) as {{ item }},
        {% endfor -%}
        {% for item in codes -%}
        max(case when item_id = '{{ item }}' then code_value end) as {{ item }}_code{{ ',' if not loop.last }}
        {% endfor %}
    from results
    group by linkage_domain, record_key_tag, scheme_code, insurer_number, exam_month
)

select * from final
