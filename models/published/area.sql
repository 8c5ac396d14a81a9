with counted as (
    select distinct
        area_level,
        area_id
    from {{ ref('indicator_fact') }}
    where sex_code = 'all' and age_band_code = 'all'
    union
    select
        area_level,
        area_id
    from {{ ref('sent_fact') }}
),

areas as (
    select * from {{ ref('int_area__list') }}
),

-- The whole ladder of the prefectures, and below them what has figures.
final as (
    select areas.*
    from areas
    left join counted on areas.area_level = counted.area_level and areas.area_id = counted.area_id
    where areas.area_level in ('nation', 'prefecture') or counted.area_id is not null
)

select * from final
