with arrivals as (
    select * from {{ source('raw', 'arrival') }}
),

insurers as (
    select * from {{ ref('insurers') }}
),

months as (
    select * from {{ ref('int_calendar__list_months') }}
),

-- Expected of a stream: the insurers of its schemes that have ever delivered, while they exist.
streams as (
    select distinct
        arrivals.stream,
        insurers.scheme_code
    from arrivals
    inner join insurers on arrivals.insurer_number = insurers.insurer_number
),

known as (
    select distinct
        insurers.insurer_number,
        insurers.scheme_code,
        insurers.valid_from,
        insurers.valid_to
    from insurers
    inner join arrivals on insurers.insurer_number = arrivals.insurer_number
),

spans as (
    select
        stream,
        min(month) as first_month
    from arrivals
    group by stream
),

expected as (
    select
        streams.stream,
        months.month,
        known.insurer_number
    from streams
    inner join spans on streams.stream = spans.stream
    inner join known on streams.scheme_code = known.scheme_code
    inner join months
        on
            months.month >= spans.first_month
            and months.month >= known.valid_from
            and (known.valid_to is null or months.month < known.valid_to)
),

arrived as (
    select distinct
        stream,
        month,
        insurer_number
    from arrivals
    where rows > 0
),

final as (
    select
        expected.stream,
        expected.month,
        count(arrived.insurer_number) as insurers_arrived,
        count(*) as insurers_expected
    from expected
    left join arrived
        on
            expected.stream = arrived.stream
            and expected.month = arrived.month
            and expected.insurer_number = arrived.insurer_number
    group by expected.stream, expected.month
)

select * from final
