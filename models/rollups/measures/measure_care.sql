{%- set levels = ['12', '13', '21', '22', '23', '24', '25'] -%}
{%- set place = [
    'scheme_code', 'insurer_number', 'municipality_code', 'month', 'fiscal_year', 'sex_code', 'age_band_code'
] -%}
with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

certified as (
    select
        *,
        case when age_at_month_end >= 65 then '1' else '2' end as insured_class_code,
        row_number() over (partition by person_id order by month, insurer_number) = 1 as is_new
    from {{ ref('care_person_month') }}
),

insured as (
    select
        counts.*,
        months.fiscal_year
    from {{ ref('care_insured_count') }} as counts
    inner join months on counts.month = months.month
),

recipients as (
    select
        care.*,
        months.month
    from {{ ref('care_month') }} as care
    inner join months on care.service_month = months.month
),

-- A receipt of several kinds of services counts in each.
services as (
    select
        recipients.linkage_domain,
        recipients.person_id,
        {% for column in place %}recipients.{{ column }}, {% endfor %}
        classes.service_class_code,
        sum(care.benefit_yen) as benefit_yen,
        count(distinct care.record_key_tag) as claims_count
    from recipients
    inner join {{ ref('care_service') }} as care
        on
            recipients.linkage_domain = care.linkage_domain
            and recipients.person_id = care.person_id
            and recipients.insurer_number = care.insurer_number
            and recipients.service_month = care.service_month
    inner join {{ ref('care_service_classes') }} as classes
        on
            care.service_type_code = classes.service_type_code
            and care.service_month >= classes.valid_from
            and (classes.valid_to is null or care.service_month < classes.valid_to)
    group by
        recipients.linkage_domain, recipients.person_id, {% for column in place %}recipients.{{ column }}, {% endfor %}
        classes.service_class_code
),

-- Certified persons of an insurer whose table of insured has not come have no denominator and are left out.
counted_months as (
    select distinct
        insurer_number,
        month,
        insured_class_code
    from insured
),

-- The first month of the warehouse would make everybody certified in it new.
first_month as (
    select min(month) as month from months
),

counted as (
    {% for indicator, class, condition in [
        ('certification_rate', '1', 'true'),
        ('certification_rate_second', '2', 'true'),
        ('new_certification_rate', '1', 'certified.is_new and certified.month > first_month.month'),
    ] -%}
    select
        '{{ indicator }}' as indicator_id,
        {% for column in place %}certified.{{ column }}, {% endfor %}
        certified.person_id,
        1 as numerator,
        0 as denominator
    from certified
    inner join counted_months
        on
            certified.insurer_number = counted_months.insurer_number
            and certified.month = counted_months.month
            and certified.insured_class_code = counted_months.insured_class_code
    cross join first_month
    where certified.insured_class_code = '{{ class }}' and {{ condition }}
    union all
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        null as person_id,
        0 as numerator,
        insured_count as denominator
    from insured
    where insured_class_code = '{{ class }}'
    union all
    {% endfor -%}
    -- The certified stand once, for the first level (seed indicator_bases).
    {% for level in levels -%}
    select
        'certified_level_{{ level }}' as indicator_id,
        {{ place | join(', ') }},
        person_id,
        case when care_level_code = '{{ level }}' then 1 else 0 end as numerator,
        {{ 1 if loop.first else 0 }} as denominator
    from certified
    where insured_class_code = '1'{% if not loop.first %} and care_level_code = '{{ level }}'{% endif %}
    union all
    {% endfor -%}
    {% for level in levels -%}
    select
        'care_cost_per_claim_level_{{ level }}' as indicator_id,
        {{ place | join(', ') }},
        person_id,
        benefit_yen as numerator,
        claims_count as denominator
    from recipients
    where care_level_code = '{{ level }}'
    union all
    {% endfor -%}
    {% for class in ['home', 'facility', 'community'] -%}
    select
        'care_cost_per_{{ class }}_claim' as indicator_id,
        {{ place | join(', ') }},
        person_id,
        benefit_yen as numerator,
        claims_count as denominator
    from services
    where service_class_code = '{{ class }}'
    union all
    {% endfor -%}
    {% for indicator, denominator in [
        ('care_cost_per_recipient', '1'), ('care_cost_per_claim', 'claims_count')
    ] -%}
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        person_id,
        benefit_yen as numerator,
        {{ denominator }} as denominator
    from recipients
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

final as (
    select
        indicator_id,
        scheme_code,
        insurer_number,
        municipality_code,
        cast(null as varchar) as district_code,
        month,
        fiscal_year,
        sex_code,
        age_band_code,
        person_id,
        cast(numerator as bigint) as numerator,
        cast(denominator as bigint) as denominator
    from counted
)

select * from final
