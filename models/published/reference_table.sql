with loaded as (
    select * from {{ source('reference', 'loaded') }}
),

seeded as (
    select
        'population' as table_name,
        counted.year,
        min(counted.source) as source,
        count(*) as areas_count,
        count(*) as records_count
    from {{ ref('municipality_population') }} as counted
    left join loaded on counted.year = loaded.year and loaded.table_name = 'population'
    where loaded.table_name is null
    group by counted.year
),

final as (
    select
        table_name,
        year,
        source,
        areas as areas_count,
        rows as records_count
    from loaded
    union all
    select
        table_name,
        year,
        source,
        areas_count,
        records_count
    from seeded
)

select * from final
