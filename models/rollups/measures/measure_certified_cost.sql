{#- Points and 医科 receipts of members aged 40 or more, in months with and without a certification at their end
    (要介護認定別医療費). -#}
{%- set place = [
    'scheme_code', 'insurer_number', 'municipality_code', 'district_code', 'month', 'fiscal_year', 'sex_code',
    'age_band_code', 'person_id'
] -%}
with receipts as (
    select
        *,
        service_month as month
    from {{ ref('claim') }}
    where
        not is_summary
        and claim_kind_code in ('medical', 'dpc')
        and service_month in (select month from {{ ref('int_calendar__list_months') }})
        and {{ is_counted_year('fiscal_year') }}
),

certified as (
    select distinct
        person_id,
        month
    from {{ ref('care_person_month') }}
    where {{ is_counted_year('fiscal_year') }}
),

cared_for as (
    select
        {{ columns_of('receipts', place) }},
        certified.person_id is not null as is_certified,
        sum(receipts.points) as points,
        count(*) as claims_count
    from receipts
    inner join {{ ref('age_bands') }} as bands
        on receipts.age_band_code = bands.age_band_code and bands.age_from >= 40
    left join certified on receipts.person_id = certified.person_id and receipts.month = certified.month
    group by {{ columns_of('receipts', place) }}, certified.person_id is not null
),

final as (
    select
        case when is_certified then 'points_per_claim_certified' else 'points_per_claim_uncertified' end
            as indicator_id,
        {{ place | join(', ') }},
        cast(points as bigint) as numerator,
        cast(claims_count as bigint) as denominator
    from cared_for
)

select * from final
