with members as (
    select * from {{ ref('person_month') }}
    where is_member
),

final as (
    select
        'members' as indicator_id,
        scheme_code,
        insurer_number,
        municipality_code,
        district_code,
        month,
        fiscal_year,
        sex_code,
        age_band_code,
        person_id,
        cast(1 as bigint) as numerator,
        cast(0 as bigint) as denominator
    from members
)

select * from final
