-- Per scheme and fiscal year: what stands in the marts equals the sum over insurers, over prefectures, and the nation.
with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

marts as (
    select
        'members' as indicator_id,
        scheme_code,
        fiscal_year,
        count(*) as total
    from {{ ref('person_month') }}
    where is_member
    group by scheme_code, fiscal_year
    union all
    select
        'points_per_claim' as indicator_id,
        scheme_code,
        fiscal_year,
        sum(points) as total
    from {{ ref('claim') }}
    where
        not is_summary
        and claim_kind_code in ('medical', 'dpc')
        and service_month in (select month from months)
    group by scheme_code, fiscal_year
    {% for indicator, kinds in [
        ('claims_per_1000', ['medical', 'dpc']),
        ('dental_claims_per_1000', ['dental']),
        ('pharmacy_claims_per_1000', ['pharmacy']),
    ] -%}
    union all
    select
        '{{ indicator }}' as indicator_id,
        scheme_code,
        fiscal_year,
        count(*) as total
    from {{ ref('claim') }}
    where
        not is_summary
        and claim_kind_code in ('{{ kinds | join("', '") }}')
        and service_month in (select month from months)
    group by scheme_code, fiscal_year
    {% endfor -%}
    union all
    select
        'care_cost_per_recipient' as indicator_id,
        scheme_code,
        fiscal_year,
        sum(benefit_yen) as total
    from {{ ref('care_claim') }}
    where not is_purchase and service_month in (select month from months)
    group by scheme_code, fiscal_year
),

levels as (
    select
        indicator_id,
        scheme_code,
        {{ fiscal_year('period') }} as fiscal_year,
        area_level,
        sum(numerator) as total
    from {{ ref('indicator_fact') }}
    where
        period_kind = 'fiscal_year'
        and sex_code = 'all'
        and age_band_code = 'all'
        and area_level in ('insurer', 'prefecture', 'nation')
    group by indicator_id, scheme_code, {{ fiscal_year('period') }}, area_level
),

expected as (
    select
        marts.*,
        wanted.area_level
    from marts
    cross join (
        select 'insurer' as area_level
        union all
        select 'prefecture' as area_level
        union all
        select 'nation' as area_level
    ) as wanted
)

select
    expected.indicator_id,
    expected.scheme_code,
    expected.fiscal_year,
    expected.area_level,
    expected.total as marts_total,
    levels.total as level_total
from expected
left join levels
    on
        expected.indicator_id = levels.indicator_id
        and expected.scheme_code = levels.scheme_code
        and expected.fiscal_year = levels.fiscal_year
        and expected.area_level = levels.area_level
where coalesce(levels.total, 0) <> expected.total
