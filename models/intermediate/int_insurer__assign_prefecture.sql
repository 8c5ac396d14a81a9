{{ config(materialized='table') }}

with insurers as (
    select * from {{ ref('insurers') }}
),

-- An insurer number that the seed does not know still tells its prefecture: digits 1-2, for koki digits 3-4.
arrived as (
    select distinct
        insurer_number,
        linkage_domain as prefecture_code
    from {{ source('raw', 'arrival') }}
    where insurer_number <> ''
),

final as (
    select
        coalesce(insurers.insurer_number, arrived.insurer_number) as insurer_number,
        min(coalesce(insurers.prefecture_code, arrived.prefecture_code)) as prefecture_code
    from insurers
    full outer join arrived on insurers.insurer_number = arrived.insurer_number
    group by coalesce(insurers.insurer_number, arrived.insurer_number)
)

select * from final
