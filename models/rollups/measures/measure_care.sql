with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

certified as (
    select * from {{ ref('care_person_month') }}
    where age_at_month_end >= 65
),

insured as (
    select
        counts.*,
        months.fiscal_year
    from {{ ref('care_insured_count') }} as counts
    inner join months on counts.month = months.month
    where counts.insured_class_code = '1'
),

recipients as (
    select
        care.*,
        months.month
    from {{ ref('care_month') }} as care
    inner join months on care.service_month = months.month
),

-- Certified persons of an insurer whose table of insured has not come have no denominator and are left out.
counted_months as (
    select distinct
        insurer_number,
        month
    from insured
),

final as (
    select
        'certification_rate' as indicator_id,
        certified.scheme_code,
        certified.insurer_number,
        certified.municipality_code,
        cast(null as varchar) as district_code,
        certified.month,
        certified.fiscal_year,
        certified.sex_code,
        certified.age_band_code,
        certified.person_id,
        cast(1 as bigint) as numerator,
        cast(0 as bigint) as denominator
    from certified
    inner join counted_months
        on certified.insurer_number = counted_months.insurer_number and certified.month = counted_months.month
    union all
    select
        'certification_rate' as indicator_id,
        scheme_code,
        insurer_number,
        municipality_code,
        cast(null as varchar) as district_code,
        month,
        fiscal_year,
        sex_code,
        age_band_code,
        null as person_id,
        cast(0 as bigint) as numerator,
        insured_count as denominator
    from insured
    union all
    select
        'care_cost_per_recipient' as indicator_id,
        scheme_code,
        insurer_number,
        municipality_code,
        cast(null as varchar) as district_code,
        month,
        fiscal_year,
        sex_code,
        age_band_code,
        person_id,
        benefit_yen as numerator,
        cast(1 as bigint) as denominator
    from recipients
)

select * from final
