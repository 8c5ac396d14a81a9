{#- What grew severe (様式1-1, 2-1, 2-2; rules: seed severity_rules), by 医科 receipts with DPC:

    高額       receipts of high cost, and their part of the cost
    長期入院    receipts of those who were admitted months ago, and their part of the cost
    人工透析    members at the month's end with dialysis on a receipt of the month
    新規透析    persons with dialysis on a receipt who had none in the months before and were members of the insurer then,
              over the member-months of insurers whose receipts of a year ago came: who comes with dialysis from
              elsewhere began it there

    Receipts, cost and members below the line are those of measure_medical (seed indicator_bases), but for 新規透析. -#}
{%- set place = [
    'scheme_code', 'insurer_number', 'municipality_code', 'district_code', 'month', 'fiscal_year', 'sex_code',
    'age_band_code', 'person_id'
] -%}
with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

rules as (
    select * from {{ ref('severity_rules') }}
),

receipts as (
    select
        *,
        service_month as month
    from {{ ref('claim') }}
    where
        claim_kind_code in ('medical', 'dpc')
        and not is_summary
        and service_month in (select month from months)
        and {{ is_counted_year('fiscal_year', years_before=1) }}
),

costly as (
    select
        rules.rule_id,
        receipts.*
    from receipts
    inner join rules
        on
            receipts.cost_yen >= rules.yen_from
            and receipts.month >= rules.valid_from
            and (rules.valid_to is null or receipts.month < rules.valid_to)
    union all
    select
        rules.rule_id,
        receipts.*
    from receipts
    inner join rules
        on
            receipts.is_inpatient
            and {{ month_number('receipts.month') }} - {{ month_number('receipts.admission_date') }} >= rules.months_from
            and receipts.month >= rules.valid_from
            and (rules.valid_to is null or receipts.month < rules.valid_to)
),

members as (
    select * from {{ ref('person_month') }}
    where is_member and {{ is_counted_year('fiscal_year', years_before=1) }}
),

dialysed as (
    select distinct
        person_id,
        scheme_code,
        insurer_number,
        service_month as month
    from {{ ref('claim_attribution') }}
    where is_dialysed and {{ is_counted_year('fiscal_year', years_before=1) }}
),

dialysed_members as (
    select members.*
    from members
    inner join dialysed
        on
            members.person_id = dialysed.person_id
            and members.scheme_code = dialysed.scheme_code
            and members.insurer_number = dialysed.insurer_number
            and members.month = dialysed.month
),

came as (
    select distinct
        scheme_code,
        insurer_number,
        month
    from receipts
),

-- Who could have been seen on dialysis a year ago: the insurer's receipts of that month came.
observed_members as (
    select
        members.*,
        rules.months_without,
        rules.months_insured
    from members
    inner join rules
        on
            rules.rule_id = 'new_dialysis'
            and members.month >= rules.valid_from
            and (rules.valid_to is null or members.month < rules.valid_to)
    inner join came
        on
            members.scheme_code = came.scheme_code
            and members.insurer_number = came.insurer_number
            and {{ add_months('members.month', '-rules.months_without') }} = came.month
),

observed_dialysed as (
    select observed_members.*
    from observed_members
    inner join dialysed
        on
            observed_members.person_id = dialysed.person_id
            and observed_members.scheme_code = dialysed.scheme_code
            and observed_members.insurer_number = dialysed.insurer_number
            and observed_members.month = dialysed.month
),

on_dialysis_before as (
    select distinct
        observed_dialysed.person_id,
        observed_dialysed.scheme_code,
        observed_dialysed.month
    from observed_dialysed
    inner join dialysed
        on
            observed_dialysed.person_id = dialysed.person_id
            and observed_dialysed.scheme_code = dialysed.scheme_code
            and observed_dialysed.month > dialysed.month
            and {{ add_months('observed_dialysed.month', '-observed_dialysed.months_without') }} <= dialysed.month
),

insured_before as (
    select
        observed_dialysed.person_id,
        observed_dialysed.scheme_code,
        observed_dialysed.insurer_number,
        observed_dialysed.month
    from observed_dialysed
    inner join members
        on
            observed_dialysed.person_id = members.person_id
            and observed_dialysed.scheme_code = members.scheme_code
            and observed_dialysed.insurer_number = members.insurer_number
            and observed_dialysed.month > members.month
            and {{ add_months('observed_dialysed.month', '-observed_dialysed.months_insured') }} <= members.month
    group by
        observed_dialysed.person_id, observed_dialysed.scheme_code, observed_dialysed.insurer_number,
        observed_dialysed.month, observed_dialysed.months_insured
    having count(*) = observed_dialysed.months_insured
),

newly_dialysed as (
    select observed_dialysed.*
    from observed_dialysed
    inner join insured_before
        on
            observed_dialysed.person_id = insured_before.person_id
            and observed_dialysed.scheme_code = insured_before.scheme_code
            and observed_dialysed.insurer_number = insured_before.insurer_number
            and observed_dialysed.month = insured_before.month
    left join on_dialysis_before
        on
            observed_dialysed.person_id = on_dialysis_before.person_id
            and observed_dialysed.scheme_code = on_dialysis_before.scheme_code
            and observed_dialysed.month = on_dialysis_before.month
    where on_dialysis_before.person_id is null
),

contributions as (
    {% for indicator, rule, figure in [
        ('high_cost_claims', 'high_cost', '1'),
        ('high_cost_share', 'high_cost', 'cost_yen'),
        ('long_stay_claims', 'long_stay', '1'),
        ('long_stay_share', 'long_stay', 'cost_yen'),
    ] -%}
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        {{ figure }} as numerator,
        0 as denominator
    from costly
    where rule_id = '{{ rule }}'
    union all
    {% endfor -%}
    {% for indicator, persons, numerator, denominator in [
        ('dialysis_members', 'dialysed_members', '1', '0'),
        ('new_dialysis', 'newly_dialysed', '1', '0'),
        ('new_dialysis', 'observed_members', '0', '1'),
    ] -%}
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        {{ numerator }} as numerator,
        {{ denominator }} as denominator
    from {{ persons }}
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
)

select * from final
