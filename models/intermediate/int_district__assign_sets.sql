-- The 地区 of every 行政区 in each named set of its municipality. A set holds for every month that is counted.
with final as (
    select distinct
        municipality_code,
        district_code,
        district_set_name,
        set_district_name,
        concat(municipality_code, '-', district_set_name, '/', set_district_name) as area_id
    from {{ ref('district_set') }}
    where district_code is not null
)

select * from final
