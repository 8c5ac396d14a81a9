{#- What diseases cost, both ways: by the one disease that each 医科 receipt's cost is given to (claim_attribution), and
    by every disease that a person has. Numerators by class; the denominators of rates over members and of shares of a
    total belong to no class and stand once (class_code ''), those of other indicators in theirs (base_indicator_id).

    All of it is told by fiscal year: a row is a person's year (month is its first), and the classes are those in force
    when it begins. -#}
{%- set place = [
    'scheme_code', 'insurer_number', 'municipality_code', 'district_code', 'fiscal_year', 'sex_code', 'age_band_code',
    'person_id'
] -%}
{%- set over_base = [
    ('disease_cost_per_member_month', 'cost_yen'),
    ('disease_inpatient_cost_per_member_month', 'inpatient_yen'),
    ('disease_outpatient_cost_per_member_month', 'outpatient_yen'),
    ('disease_claims_per_1000', 'claims_count'),
    ('disease_inpatient_claims_per_1000', 'inpatient_claims_count'),
    ('disease_outpatient_claims_per_1000', 'outpatient_claims_count'),
    ('disease_cost_share', 'cost_yen'),
] -%}
{%- set over_own = [
    ('disease_cost_per_inpatient_claim', 'inpatient_yen', 'inpatient_claims_count'),
    ('disease_days_per_inpatient_claim', 'inpatient_days_count', 'inpatient_claims_count'),
    ('disease_cost_per_outpatient_claim', 'outpatient_with_pharmacy_yen', 'outpatient_claims_count'),
] -%}
{%- set sums = [
    'claims_count', 'inpatient_claims_count', 'outpatient_claims_count', 'cost_yen', 'inpatient_yen', 'outpatient_yen',
    'outpatient_with_pharmacy_yen', 'with_pharmacy_yen', 'inpatient_days_count'
] -%}
with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

classes as (
    select * from {{ ref('int_disease__assign_classes') }}
    where class_kind_code <> 'certified'
),

attributed as (
    select * from {{ ref('claim_attribution') }}
    where service_month in (select month from months) and {{ is_counted_year('fiscal_year') }}
),

of_diseases as (
    select
        {{ place | join(', ') }},
        icd10_code,
        is_dialysed,
        count(case when attribution_method_code <> 'unmatched' then 1 end) as claims_count,
        count(case when attribution_method_code <> 'unmatched' and is_inpatient then 1 end) as inpatient_claims_count,
        count(case when attribution_method_code <> 'unmatched' and not is_inpatient then 1 end) as outpatient_claims_count,
        sum(points * 10) as cost_yen,
        sum(case when is_inpatient then points * 10 else 0 end) as inpatient_yen,
        sum(case when is_inpatient then 0 else points * 10 end) as outpatient_yen,
        sum(case when is_inpatient then 0 else (points + pharmacy_points) * 10 end) as outpatient_with_pharmacy_yen,
        sum((points + pharmacy_points) * 10) as with_pharmacy_yen,
        coalesce(sum(case when is_inpatient then days_count else 0 end), 0) as inpatient_days_count
    from attributed
    where icd10_code is not null
    group by {{ place | join(', ') }}, icd10_code, is_dialysed
),

of_classes as (
    select
        {% for column in place %}of_diseases.{{ column }}, {% endfor %}
        classes.class_kind_code,
        classes.class_code,
        {% for column in sums -%}
        sum(of_diseases.{{ column }}) as {{ column }}{{ ', ' if not loop.last }}
        {%- endfor %}
    from of_diseases
    inner join classes
        on
            of_diseases.icd10_code = classes.icd10_code
            and of_diseases.is_dialysed = classes.is_dialysed
            and {{ fiscal_year_start('of_diseases.fiscal_year') }} >= classes.valid_from
            and (classes.valid_to is null or {{ fiscal_year_start('of_diseases.fiscal_year') }} < classes.valid_to)
    group by
        {% for column in place %}of_diseases.{{ column }}, {% endfor %}
        classes.class_kind_code, classes.class_code
),

-- Patients are a share of the members that claims_per_1000 counts: at the end of a month that receipts came for.
delivered as (
    select distinct
        scheme_code,
        insurer_number,
        service_month as month
    from {{ ref('claim') }}
    where claim_kind_code in ('medical', 'dpc') and {{ is_counted_year('fiscal_year') }}
),

members as (
    select
        {% for column in place %}spine.{{ column }}, {% endfor %}
        spine.month
    from {{ ref('person_month') }} as spine
    inner join delivered
        on
            spine.scheme_code = delivered.scheme_code
            and spine.insurer_number = delivered.insurer_number
            and spine.month = delivered.month
    where spine.is_member and {{ is_counted_year('spine.fiscal_year') }}
),

-- Who leaves or dies within a month is no member at its end. A disease of that month counts where the person was a
-- member at the end of the nearest month of the year, one before it if there is any; who never was is in no share.
treated_months as (
    select distinct
        person_id,
        scheme_code,
        insurer_number,
        fiscal_year,
        service_month as month
    from attributed
    where sex_code <> 'U'
),

leaving as (
    select treated_months.*
    from treated_months
    left join members
        on
            treated_months.person_id = members.person_id
            and treated_months.scheme_code = members.scheme_code
            and treated_months.insurer_number = members.insurer_number
            and treated_months.month = members.month
    where members.person_id is null
),

nearest as (
    select
        {% for column in place %}members.{{ column }}, {% endfor %}
        leaving.month,
        row_number() over (
            partition by leaving.person_id, leaving.scheme_code, leaving.insurer_number, leaving.month
            order by
                case when members.month < leaving.month then 0 else 1 end,
                abs({{ month_number('members.month') }} - {{ month_number('leaving.month') }})
        ) as choice
    from leaving
    inner join members
        on
            leaving.person_id = members.person_id
            and leaving.scheme_code = members.scheme_code
            and leaving.insurer_number = members.insurer_number
            and leaving.fiscal_year = members.fiscal_year
),

standing as (
    select
        {{ place | join(', ') }},
        month
    from members
    union all
    select
        {{ place | join(', ') }},
        month
    from nearest
    where choice = 1
),

written as (
    select * from {{ ref('claim_disease') }}
    where {{ is_counted_month('service_month') }}
),

known as (
    select * from {{ source('control', 'known_disease') }}
),

-- A disease that an insured person has: on any 医科 receipt and not only suspected.
ill as (
    select distinct
        {% for column in place %}standing.{{ column }}, {% endfor %}
        coalesce(written.icd10_code, known.icd10_code) as icd10_code,
        attributed.is_dialysed
    from attributed
    inner join written
        on
            attributed.linkage_domain = written.linkage_domain
            and attributed.record_key_tag = written.record_key_tag
            and not written.is_suspected
    left join known on written.disease_code = known.disease_code
    inner join standing
        on
            attributed.person_id = standing.person_id
            and attributed.scheme_code = standing.scheme_code
            and attributed.insurer_number = standing.insurer_number
            and attributed.service_month = standing.month
    where attributed.sex_code <> 'U'
),

suffered as (
    select distinct
        {% for column in place %}ill.{{ column }}, {% endfor %}
        classes.class_code
    from ill
    inner join classes
        on
            ill.icd10_code = classes.icd10_code
            and ill.is_dialysed = classes.is_dialysed
            and {{ fiscal_year_start('ill.fiscal_year') }} >= classes.valid_from
            and (classes.valid_to is null or {{ fiscal_year_start('ill.fiscal_year') }} < classes.valid_to)
),

contributions as (
    {% for indicator, numerator in over_base -%}
    select
        '{{ indicator }}' as indicator_id,
        class_code,
        {{ place | join(', ') }},
        {{ numerator }} as numerator,
        0 as denominator
    from of_classes
    union all
    {% endfor -%}
    {% for indicator, numerator, denominator in over_own -%}
    select
        '{{ indicator }}' as indicator_id,
        class_code,
        {{ place | join(', ') }},
        {{ numerator }} as numerator,
        {{ denominator }} as denominator
    from of_classes
    where {{ denominator }} > 0
    union all
    {% endfor -%}
    select
        'lifestyle_cost_share' as indicator_id,
        class_code,
        {{ place | join(', ') }},
        with_pharmacy_yen as numerator,
        0 as denominator
    from of_classes
    where class_kind_code = 'lifestyle'
    union all
    select
        'lifestyle_cost_share' as indicator_id,
        '' as class_code,
        {{ place | join(', ') }},
        0 as numerator,
        with_pharmacy_yen as denominator
    from of_classes
    where class_kind_code = 'lifestyle'
    union all
    select
        'disease_patients' as indicator_id,
        class_code,
        {{ place | join(', ') }},
        1 as numerator,
        0 as denominator
    from suffered
),

final as (
    select
        indicator_id,
        scheme_code,
        insurer_number,
        municipality_code,
        district_code,
        {{ fiscal_year_start('fiscal_year') }} as month,
        fiscal_year,
        sex_code,
        age_band_code,
        person_id,
        cast(numerator as bigint) as numerator,
        cast(denominator as bigint) as denominator,
        class_code
    from contributions
    where numerator <> 0 or denominator <> 0
)

select * from final
