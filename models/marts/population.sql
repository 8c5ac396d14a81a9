{{ config(materialized='view') }}

with final as (
    select
        linkage_domain,
        municipality_code,
        year,
        sex_code,
        age_band_code,
        population_count
    from {{ ref('stg_population__population') }}
)

select * from final
