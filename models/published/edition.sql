with editions as (
    select * from {{ source('edition', 'edition') }}
),

newest as (
    select
        fiscal_year,
        max(edition_number) as edition_number
    from editions
    group by fiscal_year
),

final as (
    select
        editions.edition_id,
        editions.fiscal_year,
        editions.frozen_by as frozen_by_name,
        editions.frozen_date,
        editions.reference_month,
        editions.figures as figures_count,
        editions.edition_number = newest.edition_number as is_in_force
    from editions
    inner join newest on editions.fiscal_year = newest.fiscal_year
)

select * from final
