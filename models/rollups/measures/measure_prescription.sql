{#- What is prescribed to whom, month by month (rules: seed prescription_rules).

    後発医薬品の使用割合  of all drugs on receipts by quantity: 後発品 over 後発品 and 先発品 that have one
    重複・多剤・睡眠薬    members at the month's end who were prescribed 内服薬 as outpatients of 医科 and 歯科 (fetched at a
                   pharmacy or handed out) as a rule says, over all members of months that 医科 and 調剤 came for

    A 調剤 receipt does not tell 内服 from 屯服, so 内用薬 of the price list are meant. Whose prescription it was is
    told by the institution that wrote it. -#}
{%- set place = [
    'scheme_code', 'insurer_number', 'municipality_code', 'district_code', 'month', 'fiscal_year', 'sex_code',
    'age_band_code', 'person_id'
] -%}
with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

receipts as (
    select
        *,
        service_month as month,
        case when claim_kind_code = 'pharmacy' then prescribing_institution_code else institution_code end
            as prescriber_code
    from {{ ref('claim') }}
    where
        not is_summary
        and service_month in (select month from months)
        and {{ is_counted_year('fiscal_year') }}
),

prescribed as (
    select
        receipts.*,
        drugs.drug_class_code,
        drugs.ingredient_code,
        drugs.form_code,
        drugs.is_generic,
        drugs.has_generic,
        coalesce(items.quantity, 1) * coalesce(items.times_count, 1) as quantity
    from receipts
    inner join {{ ref('claim_item') }} as items
        on receipts.linkage_domain = items.linkage_domain and receipts.record_key_tag = items.record_key_tag
    inner join {{ source('control', 'known_drug') }} as drugs on items.item_code = drugs.item_code
    where items.item_kind_code = 'IY' and {{ is_counted_month('items.service_month') }}
),

quantities as (
    select
        {{ place | join(', ') }},
        round(sum(case when is_generic then quantity else 0 end)) as generic_quantity,
        round(sum(case when is_generic or has_generic then quantity else 0 end)) as replaceable_quantity
    from prescribed
    group by {{ place | join(', ') }}
),

swallowed as (
    select distinct
        person_id,
        scheme_code,
        insurer_number,
        month,
        prescriber_code,
        drug_class_code,
        ingredient_code
    from prescribed
    where form_code = '1' and not is_inpatient
),

prescribers as (
    select
        person_id,
        scheme_code,
        insurer_number,
        month,
        drug_class_code,
        count(distinct prescriber_code) as prescriber_count
    from swallowed
    group by person_id, scheme_code, insurer_number, month, drug_class_code
),

-- Of a person and month: classes that several institutions prescribed, those institutions, and all ingredients.
counted as (
    select
        swallowed.person_id,
        swallowed.scheme_code,
        swallowed.insurer_number,
        swallowed.month,
        count(distinct case when prescribers.prescriber_count > 1 then swallowed.prescriber_code end)
            as institution_count,
        count(distinct case when prescribers.prescriber_count > 1 then swallowed.drug_class_code end)
            as drug_class_count,
        count(distinct swallowed.ingredient_code) as ingredient_count
    from swallowed
    inner join prescribers
        on
            swallowed.person_id = prescribers.person_id
            and swallowed.scheme_code = prescribers.scheme_code
            and swallowed.insurer_number = prescribers.insurer_number
            and swallowed.month = prescribers.month
            and swallowed.drug_class_code = prescribers.drug_class_code
    group by swallowed.person_id, swallowed.scheme_code, swallowed.insurer_number, swallowed.month
),

rules as (
    select * from {{ ref('prescription_rules') }}
    where rule_id in ('duplicate_prescription', 'polypharmacy', 'sleep_drug')
),

met as (
    select distinct
        rules.rule_id,
        counted.person_id,
        counted.scheme_code,
        counted.insurer_number,
        counted.month
    from counted
    inner join rules
        on
            rules.drug_class_code is null
            and counted.month >= rules.valid_from
            and (rules.valid_to is null or counted.month < rules.valid_to)
            and counted.institution_count >= coalesce(rules.institution_count, 0)
            and counted.drug_class_count >= coalesce(rules.drug_class_count, 0)
            and counted.ingredient_count >= coalesce(rules.ingredient_count, 0)
    union distinct
    select distinct
        rules.rule_id,
        swallowed.person_id,
        swallowed.scheme_code,
        swallowed.insurer_number,
        swallowed.month
    from swallowed
    inner join rules
        on
            starts_with(swallowed.drug_class_code, rules.drug_class_code)
            and swallowed.month >= rules.valid_from
            and (rules.valid_to is null or swallowed.month < rules.valid_to)
),

came as (
    select
        scheme_code,
        insurer_number,
        month
    from receipts
    group by scheme_code, insurer_number, month
    having
        bool_or(claim_kind_code in ('medical', 'dpc'))
        and bool_or(claim_kind_code = 'pharmacy')
),

members as (
    select spine.*
    from {{ ref('person_month') }} as spine
    inner join came
        on
            spine.scheme_code = came.scheme_code
            and spine.insurer_number = came.insurer_number
            and spine.month = came.month
    where spine.is_member and {{ is_counted_year('spine.fiscal_year') }}
),

contributions as (
    select
        'generic_drug_share' as indicator_id,
        {{ place | join(', ') }},
        generic_quantity as numerator,
        replaceable_quantity as denominator
    from quantities
    where replaceable_quantity > 0
    union all
    select
        met.rule_id as indicator_id,
        {% for column in place %}members.{{ column }}, {% endfor %}
        1 as numerator,
        0 as denominator
    from members
    inner join met
        on
            members.person_id = met.person_id
            and members.scheme_code = met.scheme_code
            and members.insurer_number = met.insurer_number
            and members.month = met.month
    union all
    -- Members stand once, for all three rules (seed indicator_bases).
    select
        'duplicate_prescription' as indicator_id,
        {{ place | join(', ') }},
        0 as numerator,
        1 as denominator
    from members
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
)

select * from final
