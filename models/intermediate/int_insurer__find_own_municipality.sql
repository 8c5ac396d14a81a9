{{ config(materialized='table') }}

with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

responsibilities as (
    select * from {{ ref('insurer_municipality') }}
),

final as (
    select
        responsibilities.scheme_code,
        responsibilities.insurer_number,
        months.month,
        min(responsibilities.municipality_code) as municipality_code
    from responsibilities
    inner join months
        on
            responsibilities.valid_from < months.next_month
            and (responsibilities.valid_to is null or responsibilities.valid_to >= months.next_month)
    group by responsibilities.scheme_code, responsibilities.insurer_number, months.month
    having count(distinct responsibilities.municipality_code) = 1
)

select * from final
