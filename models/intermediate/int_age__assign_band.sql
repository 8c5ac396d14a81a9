{{ config(materialized='table') }}

with bands as (
    select * from {{ ref('age_bands') }}
),

tens as (
    select column_values.digit
    from (
        values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15)
    ) as column_values (digit)
),

ages as (
    select cast(tens.digit * 10 + units.digit as bigint) as age
    from tens
    cross join tens as units
    where units.digit < 10
),

final as (
    select
        ages.age,
        bands.age_band_code
    from ages
    inner join bands on ages.age between bands.age_from and bands.age_to
)

select * from final
