{{ config(materialized='table') }}

{#- Small beside the facts, so every build makes it whole: of each source and year the newest version, all of it. -#}
with sources as (
    select
        told.*,
        row_number() over (
            partition by told.linkage_domain, told.source_id, told.source_year
            order by told.created_date desc, told.version_number desc, told.source_file_id desc, told.batch_sequence desc
        ) as version_rank
    from {{ source('raw', 'statistic_source') }} as told
),

final as (
    select
        sources.linkage_domain,
        sources.batch_sequence,
        sources.source_file_id,
        figures.source_row,
        figures.indicator_id,
        figures.definition_version,
        figures.period_kind,
        figures.period,
        figures.scheme_code,
        figures.class_code,
        figures.area_level,
        figures.area_id,
        figures.sex_code,
        figures.age_band_code,
        figures.numerator,
        figures.denominator,
        figures.contributor_count,
        figures.denominator_contributor_count,
        figures.largest_contribution,
        figures.insurers_count,
        sources.source_id,
        concat(
            sources.source_name, '（', sources.publisher,
            case when sources.source_url = '' then '' else concat(' ', sources.source_url) end, '）'
        ) as source,
        sources.source_year as year,
        sources.created_date,
        sources.version_number as sequence_number,
        sources.is_generated
    from sources
    inner join {{ source('raw', 'statistic') }} as figures
        on
            sources.linkage_domain = figures.linkage_domain
            and sources.batch_sequence = figures.batch_sequence
            and sources.source_file_id = figures.source_file_id
    where sources.version_rank = 1
)

select * from final
