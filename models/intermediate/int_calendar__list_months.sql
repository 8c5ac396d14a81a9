{{ config(materialized='table') }}

with bounds as (
    select
        date '{{ var("first_month") }}' as first_month,
        {{ reference_month() }} as reference_month
),

months as (
    {{ month_series('(select first_month from bounds)', '(select reference_month from bounds)') }}
),

dated as (
    select
        month,
        {{ add_months('month', 1) }} as next_month,
        cast({{ fiscal_year('month') }} as bigint) as fiscal_year
    from months
),

final as (
    select
        dated.month,
        dated.next_month,
        dated.fiscal_year,
        last_months.month = dated.month as is_last_of_fiscal_year,
        extract(month from dated.month) = 3 as is_fiscal_year_end
    from dated
    inner join (select fiscal_year, max(month) as month from dated group by fiscal_year) as last_months
        on dated.fiscal_year = last_months.fiscal_year
)

select * from final
