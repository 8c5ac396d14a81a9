-- On how many insurers a comparison rests, where counts of senders are in it, and whose counts those are.
with final as (
    select
        indicator_id,
        definition_version,
        period_kind,
        period,
        scheme_code,
        class_code,
        area_level,
        area_id,
        cast(record_insurers_count as bigint) as record_insurers_count,
        cast(insurers_count as bigint) as sent_insurers_count,
        source,
        year,
        is_generated,
        is_whole
    from {{ ref('sent_fact') }}
    where sex_code = 'all' and age_band_code = 'all'
)

select * from final
