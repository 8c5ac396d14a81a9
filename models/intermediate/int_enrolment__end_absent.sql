-- Which full deliveries came, also those whose every row a later version has replaced: that is told by raw alone.
-- Several files of one insurer and day are one delivery.
with fulls as (
    select distinct
        linkage_domain,
        scheme_code,
        insurer_number,
        full_as_of_date
    from {{ source('raw', 'enrolment') }}
    where full_as_of_date is not null
),

-- The latest version is the last word on a record; one of a full delivery is of the day of that delivery.
records as (
    select * from {{ ref('stg_enrolment__enrolment') }}
),

final as (
    select
        records.linkage_domain,
        records.record_key_tag,
        min(fulls.full_as_of_date) as absent_from_date
    from records
    inner join fulls
        on
            records.linkage_domain = fulls.linkage_domain
            and records.scheme_code = fulls.scheme_code
            and records.insurer_number = fulls.insurer_number
            and records.processed_date < fulls.full_as_of_date
    group by records.linkage_domain, records.record_key_tag
)

select * from final
