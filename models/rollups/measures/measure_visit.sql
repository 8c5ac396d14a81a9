{#- Who goes to many doctors, or to one very often, month by month (rules: seed prescription_rules): 重複受診 and 頻回受診
    of members at the month's end, by 医科 receipts of outpatients, over all members of months that 医科 came for. -#}
with months as (
    select * from {{ ref('int_calendar__list_months') }}
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
        and {{ is_counted_year('fiscal_year') }}
),

visited as (
    select
        person_id,
        scheme_code,
        insurer_number,
        month,
        institution_code,
        sum(days_count) as visit_day_count
    from receipts
    where not is_inpatient and days_count > 0
    group by person_id, scheme_code, insurer_number, month, institution_code
),

counted as (
    select
        person_id,
        scheme_code,
        insurer_number,
        month,
        count(*) as institution_count,
        max(visit_day_count) as visit_day_count
    from visited
    group by person_id, scheme_code, insurer_number, month
),

rules as (
    select * from {{ ref('prescription_rules') }}
    where rule_id in ('multiple_visits', 'frequent_visits')
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
            counted.month >= rules.valid_from
            and (rules.valid_to is null or counted.month < rules.valid_to)
            and counted.institution_count >= coalesce(rules.institution_count, 0)
            and counted.visit_day_count >= coalesce(rules.visit_day_count, 0)
),

members as (
    select * from {{ ref('person_month') }}
    where is_member and {{ is_counted_year('fiscal_year') }}
),

-- Members below the line are those of the receipts per 1,000 (seed indicator_bases).
final as (
    select
        met.rule_id as indicator_id,
        members.scheme_code,
        members.insurer_number,
        members.municipality_code,
        members.district_code,
        members.month,
        members.fiscal_year,
        members.sex_code,
        members.age_band_code,
        members.person_id,
        cast(1 as bigint) as numerator,
        cast(0 as bigint) as denominator
    from members
    inner join met
        on
            members.person_id = met.person_id
            and members.scheme_code = met.scheme_code
            and members.insurer_number = met.insurer_number
            and members.month = met.month
)

select * from final
