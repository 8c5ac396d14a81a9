{#- 後期 members against the population of 75 and over, by sex and age: how many persons the linkage makes of them. -#}
with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

members as (
    select * from {{ ref('person_month') }}
    where is_member and scheme_code = 'koki' and {{ is_counted_year('fiscal_year') }}
),

-- 人口 is of 1 January: it stands beside the months of the fiscal year which that day lies in.
bands as (
    select age_band_code from {{ ref('age_bands') }}
    where age_from >= 75
),

population as (
    select
        responsible.insurer_number,
        months.month,
        months.fiscal_year,
        counts.sex_code,
        counts.age_band_code,
        counts.population_count
    from {{ ref('population') }} as counts
    inner join bands on counts.age_band_code = bands.age_band_code
    inner join months on counts.year - 1 = months.fiscal_year
    inner join {{ ref('int_insurer__find_own_municipality') }} as responsible
        on
            counts.municipality_code = responsible.municipality_code
            and months.month = responsible.month
            and responsible.scheme_code = 'koki'
),

counted_months as (
    select distinct
        insurer_number,
        month
    from population
),

final as (
    select
        'koki_to_population' as indicator_id,
        members.scheme_code,
        members.insurer_number,
        cast(null as varchar) as municipality_code,
        cast(null as varchar) as district_code,
        members.month,
        members.fiscal_year,
        members.sex_code,
        members.age_band_code,
        members.person_id,
        cast(1 as bigint) as numerator,
        cast(0 as bigint) as denominator
    from members
    inner join bands on members.age_band_code = bands.age_band_code
    inner join counted_months
        on members.insurer_number = counted_months.insurer_number and members.month = counted_months.month
    union all
    select
        'koki_to_population' as indicator_id,
        'koki' as scheme_code,
        insurer_number,
        null as municipality_code,
        null as district_code,
        month,
        fiscal_year,
        sex_code,
        age_band_code,
        null as person_id,
        cast(0 as bigint) as numerator,
        cast(population_count as bigint) as denominator
    from population
)

select * from final
