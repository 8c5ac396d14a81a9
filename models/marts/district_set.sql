{{ config(materialized='view') }}

with final as (
    select
        linkage_domain,
        municipality_code,
        district_set_name,
        district_code,
        district_name,
        set_district_name,
        created_date
    from {{ ref('stg_district_set__district_set') }}
    where not is_withdrawn
)

select * from final
