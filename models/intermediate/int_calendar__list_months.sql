{{ config(materialized='table') }}

with months as (
    {{ month_series("date '" ~ var('first_month') ~ "'", reference_month()) }}
),

dated as (
    select
        month,
        {{ add_months('month', 1) }} as next_month,
        cast({{ fiscal_year('month') }} as bigint) as fiscal_year
    from months
),

last_months as (
    select
        fiscal_year,
        max(month) as last_month
    from dated
    group by fiscal_year
),

final as (
    select
        dated.month,
        dated.next_month,
        dated.fiscal_year,
        last_months.last_month = dated.month as is_last_of_fiscal_year,
        extract(month from dated.month) = 3 as is_fiscal_year_end
    from dated
    inner join last_months on dated.fiscal_year = last_months.fiscal_year
)

select * from final
