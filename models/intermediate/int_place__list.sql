{{ config(materialized='table') }}

{#- Every place that a measure may count in, by scheme and fiscal year: down to the district, and with the district or
    the town left out, for what is told by town or by insurer alone. A place without a town has ''. -#}
with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

met as (
    {% for model in ['person_month', 'claim', 'checkup'] -%}
    select distinct
        met.scheme_code,
        met.fiscal_year,
        met.insurer_number,
        coalesce(met.municipality_code, '') as municipality_code,
        coalesce(met.district_code, '') as district_code
    from {{ ref(model) }} as met
    union distinct
    {% endfor -%}
    {% for model in ['care_person_month', 'care_month', 'care_insured_count'] -%}
    select distinct
        'care' as scheme_code,
        months.fiscal_year,
        met.insurer_number,
        coalesce(met.municipality_code, '') as municipality_code,
        '' as district_code
    from {{ ref(model) }} as met
    inner join months on met.{{ 'service_month' if model == 'care_month' else 'month' }} = months.month
    {{ 'union distinct' if not loop.last }}
    {% endfor -%}
),

-- What is of an insurer alone may be of any year, as the population is.
insurers as (
    select distinct
        known.scheme_code,
        months.fiscal_year,
        known.insurer_number
    from (
        select
            scheme_code,
            insurer_number
        from met
        union distinct
        select
            scheme_code,
            insurer_number
        from {{ ref('int_insurer__find_own_municipality') }}
    ) as known
    cross join months
),

listed as (
    select * from met
    union distinct
    select
        scheme_code,
        fiscal_year,
        insurer_number,
        municipality_code,
        '' as district_code
    from met
    union distinct
    select
        scheme_code,
        fiscal_year,
        insurer_number,
        '' as municipality_code,
        '' as district_code
    from insurers
),

final as (
    select
        listed.scheme_code,
        listed.fiscal_year,
        coalesce(prefectures.prefecture_code, '') as prefecture_code,
        listed.insurer_number,
        listed.municipality_code,
        listed.district_code
    from listed
    left join {{ ref('int_insurer__assign_prefecture') }} as prefectures
        on listed.insurer_number = prefectures.insurer_number
)

select * from final
