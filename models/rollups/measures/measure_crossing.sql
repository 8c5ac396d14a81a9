{#- Checkups held against receipts (健診・レセ突合).

    受診勧奨者      of the examinees of measure_checkup, whose values call for a doctor (seed referral_values); of them,
                 who has a 医科 receipt from the month of the examination to the end of the fiscal year, and who has not
    健診有無別点数   what eligible persons (attendance_asof) cost in the fiscal year, by whether they were examined: over all
                 eligible persons as KDB does, over those of them ill of a lifestyle disease as KDB does too, and over
                 their own group
    健診ツリー     eligible persons by whether they were examined, whether a receipt of the year names a lifestyle disease
                 (治療中), and what the checkup says: level of 特定保健指導 (as in its file) and values that call for a
                 doctor. All are over the eligible persons that points_of_examined_per_eligible brings (seed
                 indicator_bases) -#}
{%- set place = [
    'scheme_code', 'insurer_number', 'municipality_code', 'district_code', 'month', 'fiscal_year', 'sex_code',
    'age_band_code', 'person_id'
] -%}
with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

receipts as (
    select * from {{ ref('claim') }}
    where
        not is_summary
        and service_month in (select month from months)
        and {{ is_counted_year('fiscal_year') }}
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

referred as (
    select distinct
        examinees.linkage_domain,
        examinees.record_key_tag
    from examinees
    inner join {{ ref('checkup_result') }} as results
        on
            examinees.linkage_domain = results.linkage_domain
            and examinees.record_key_tag = results.record_key_tag
    inner join {{ ref('referral_values') }} as limits
        on
            results.item_id = limits.item_id
            and limits.sex_code in ('all', examinees.sex_code)
            and examinees.exam_date >= limits.valid_from
            and (limits.valid_to is null or examinees.exam_date < limits.valid_to)
    where
        (limits.operator = '>=' and results.numeric_value >= limits.value)
        or (limits.operator = '<' and results.numeric_value < limits.value)
),

-- HbA1c of 6.5 % or more, whatever else there is.
of_high_sugar as (
    select distinct
        examinees.linkage_domain,
        examinees.record_key_tag
    from examinees
    inner join {{ ref('checkup_result') }} as results
        on
            examinees.linkage_domain = results.linkage_domain
            and examinees.record_key_tag = results.record_key_tag
    inner join {{ ref('thresholds') }} as limits
        on
            limits.threshold_id = 'hba1c_65'
            and results.item_id = limits.item_id
            and examinees.exam_date >= limits.valid_from
            and (limits.valid_to is null or examinees.exam_date < limits.valid_to)
    where results.numeric_value >= limits.value
),

visits as (
    select
        person_id,
        scheme_code,
        insurer_number,
        fiscal_year,
        max(service_month) as last_month
    from receipts
    where claim_kind_code in ('medical', 'dpc')
    group by person_id, scheme_code, insurer_number, fiscal_year
),

-- Without receipts of the year nobody could have been seen to visit: such an insurer's examinees stay out.
delivered as (
    select distinct
        scheme_code,
        insurer_number,
        fiscal_year
    from receipts
    where claim_kind_code in ('medical', 'dpc')
),

referrals as (
    select
        examinees.scheme_code,
        examinees.insurer_number,
        examinees.municipality_code,
        examinees.district_code,
        examinees.exam_month as month,
        examinees.fiscal_year,
        examinees.sex_code,
        examinees.fiscal_year_age_band_code as age_band_code,
        examinees.person_id,
        examinees.guidance_level_code,
        referred.record_key_tag is not null as is_referred,
        of_high_sugar.record_key_tag is not null as has_high_sugar,
        visits.person_id is not null as has_visited,
        delivered.insurer_number is not null as has_receipts
    from examinees
    left join referred
        on
            examinees.linkage_domain = referred.linkage_domain
            and examinees.record_key_tag = referred.record_key_tag
    left join of_high_sugar
        on
            examinees.linkage_domain = of_high_sugar.linkage_domain
            and examinees.record_key_tag = of_high_sugar.record_key_tag
    left join visits
        on
            examinees.person_id = visits.person_id
            and examinees.scheme_code = visits.scheme_code
            and examinees.insurer_number = visits.insurer_number
            and examinees.fiscal_year = visits.fiscal_year
            and examinees.exam_month <= visits.last_month
    left join delivered
        on
            examinees.scheme_code = delivered.scheme_code
            and examinees.insurer_number = delivered.insurer_number
            and examinees.fiscal_year = delivered.fiscal_year
),

eligible_months as (
    select
        attendance.*,
        max(attendance.numerator) over (
            partition by
                attendance.scheme_code, attendance.insurer_number, attendance.fiscal_year, attendance.person_id
        ) as is_examined,
        row_number() over (
            partition by
                attendance.scheme_code, attendance.insurer_number, attendance.fiscal_year, attendance.person_id
            order by attendance.denominator desc, attendance.month desc
        ) as place_from_end
    from {{ ref('measure_attendance') }} as attendance
    inner join delivered
        on
            attendance.scheme_code = delivered.scheme_code
            and attendance.insurer_number = delivered.insurer_number
            and attendance.fiscal_year = delivered.fiscal_year
    where attendance.indicator_id = 'attendance_asof' and {{ is_counted_year('attendance.fiscal_year') }}
),

costs as (
    select
        person_id,
        scheme_code,
        insurer_number,
        fiscal_year,
        sum(points) as points
    from receipts
    where claim_kind_code in ('medical', 'dpc', 'pharmacy')
    group by person_id, scheme_code, insurer_number, fiscal_year
),

known as (
    select * from {{ source('control', 'known_disease') }}
),

lifestyle_diseases as (
    select distinct icd10_code
    from {{ ref('int_disease__assign_classes') }}
    where class_kind_code = 'lifestyle'
),

lifestyle_patients as (
    select distinct
        receipts.person_id,
        receipts.scheme_code,
        receipts.insurer_number,
        receipts.fiscal_year
    from receipts
    inner join {{ ref('claim_disease') }} as written
        on
            receipts.linkage_domain = written.linkage_domain
            and receipts.record_key_tag = written.record_key_tag
            and not written.is_suspected
            and {{ is_counted_month('written.service_month') }}
    left join known on written.disease_code = known.disease_code
    inner join lifestyle_diseases on coalesce(written.icd10_code, known.icd10_code) = lifestyle_diseases.icd10_code
    where receipts.claim_kind_code in ('medical', 'dpc')
),

-- Who is eligible stands once a year, where the person was last.
eligible as (
    select
        {% for column in place %}eligible_months.{{ column }}, {% endfor %}
        eligible_months.is_examined = 1 as is_examined,
        case when lifestyle_patients.person_id is null then 0 else 1 end as lifestyle_count,
        coalesce(costs.points, 0) as points,
        lifestyle_patients.person_id is not null as is_treated,
        referrals.guidance_level_code,
        coalesce(referrals.is_referred, false) as is_referred
    from eligible_months
    left join referrals
        on
            eligible_months.person_id = referrals.person_id
            and eligible_months.scheme_code = referrals.scheme_code
            and eligible_months.insurer_number = referrals.insurer_number
            and eligible_months.fiscal_year = referrals.fiscal_year
    left join costs
        on
            eligible_months.person_id = costs.person_id
            and eligible_months.scheme_code = costs.scheme_code
            and eligible_months.insurer_number = costs.insurer_number
            and eligible_months.fiscal_year = costs.fiscal_year
    left join lifestyle_patients
        on
            eligible_months.person_id = lifestyle_patients.person_id
            and eligible_months.scheme_code = lifestyle_patients.scheme_code
            and eligible_months.insurer_number = lifestyle_patients.insurer_number
            and eligible_months.fiscal_year = lifestyle_patients.fiscal_year
    where eligible_months.place_from_end = 1
),

contributions as (
    {% for indicator, condition, among in [
        ('referral_value', 'is_referred', 'true'),
        ('referral_visited', 'is_referred and has_visited', 'has_receipts'),
        ('referral_unvisited', 'is_referred and not has_visited', 'has_receipts'),
        ('hba1c_65_unvisited', 'not has_visited', 'has_receipts and has_high_sugar'),
    ] -%}
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        case when {{ condition }} then 1 else 0 end as numerator,
        1 as denominator
    from referrals
    where {{ among }}
    union all
    {% endfor -%}
    {% for indicator, group, denominator in [
        ('points_of_examined_per_eligible', 'is_examined', '1'),
        ('points_of_unexamined_per_eligible', 'not is_examined', '1'),
        ('points_of_examined_per_lifestyle', 'is_examined', 'lifestyle_count'),
        ('points_of_unexamined_per_lifestyle', 'not is_examined', 'lifestyle_count'),
        ('points_per_examined', 'is_examined', 'own'),
        ('points_per_unexamined', 'not is_examined', 'own'),
    ] -%}
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        case when {{ group }} then points else 0 end as numerator,
        {{ '1' if denominator == 'own' else denominator }} as denominator
    from eligible
    where {{ group if denominator == 'own' else 'true' }}
    union all
    {% endfor -%}
    {% for indicator, node in [
        ('tree_examined', 'is_examined'),
        ('tree_examined_treated', 'is_examined and is_treated'),
        ('tree_treated_referred', 'is_examined and is_treated and is_referred'),
        ('tree_examined_untreated', 'is_examined and not is_treated'),
        ('tree_untreated_intensive', "is_examined and not is_treated and guidance_level_code = '1'"),
        ('tree_untreated_motivational', "is_examined and not is_treated and guidance_level_code = '2'"),
        ('tree_untreated_referred', "is_examined and not is_treated and guidance_level_code = '3' and is_referred"),
        ('tree_untreated_information',
         "is_examined and not is_treated and guidance_level_code = '3' and not is_referred"),
        ('tree_unexamined', 'not is_examined'),
        ('tree_unexamined_treated', 'not is_examined and is_treated'),
        ('tree_unexamined_untreated', 'not is_examined and not is_treated'),
    ] -%}
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        1 as numerator,
        0 as denominator
    from eligible
    where {{ node }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

final as (
    select
        indicator_id,
        scheme_code,
        insurer_number,
        municipality_code,
        district_code,
        month,
        fiscal_year,
        sex_code,
        age_band_code,
        person_id,
        cast(numerator as bigint) as numerator,
        cast(denominator as bigint) as denominator
    from contributions
    where numerator <> 0 or denominator <> 0
)

select * from final
