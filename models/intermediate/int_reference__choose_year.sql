{{ config(materialized='table') }}

with fiscal_years as (
    select distinct fiscal_year from {{ ref('int_calendar__list_months') }}
),

rules as (
    select * from {{ ref('reference_tables') }}
),

-- Of 人口 the seed holds a year for every municipality: where no table was loaded, it stands.
known as (
    select
        table_name,
        year
    from {{ source('reference', 'loaded') }}
    union
    select
        'population' as table_name,
        year
    from {{ ref('municipality_population') }}
),

candidates as (
    select
        fiscal_years.fiscal_year,
        known.table_name,
        known.year,
        row_number() over (
            partition by fiscal_years.fiscal_year, known.table_name
            order by known.year desc
        ) as choice
    from known
    inner join rules on known.table_name = rules.table_name
    inner join fiscal_years
        on
            known.year + rules.fiscal_year_offset <= fiscal_years.fiscal_year
            and known.year + rules.fiscal_year_offset + rules.carried_years >= fiscal_years.fiscal_year
),

final as (
    select
        fiscal_year,
        table_name,
        year
    from candidates
    where choice = 1
)

select * from final
