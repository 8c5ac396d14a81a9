with editions as (
    select * from {{ source('edition', 'edition') }}
),

numbered as (
    select
        *,
        row_number() over (
            partition by fiscal_year
            order by build_sequence desc, edition_id desc
        ) as place
    from editions
),

final as (
    select
        edition_id,
        fiscal_year,
        frozen_by as frozen_by_name,
        frozen_date,
        reference_month,
        figures as figures_count,
        place = 1 as is_in_force
    from numbered
)

select * from final
