{{ config(materialized='view') }}

with final as (
    select
        linkage_domain,
        scheme_code,
        insurer_number,
        municipality_code,
        month,
        sex_code,
        age_band_code,
        insured_class_code,
        insured_count
    from {{ ref('stg_care_insured_count__care_insured_count') }}
)

select * from final
