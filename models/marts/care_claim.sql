{{ config(
    pre_hook="{{ delete_reached('month', 'care_claim.service_month', ['care_claim', 'care_service', 'care_certification']) }}"
) }}

{%- set reaching = ['care_claim', 'care_service', 'care_certification'] %}

with records as (
    select * from {{ ref('stg_care_claim__care_claim') }}
),

replaced as (
    select * from {{ ref('int_care_claim__find_replaced') }}
),

care_claims as (
    select *
    from records
    where
        not is_withdrawn
        and {{ only_reached('records', 'month', 'records.service_month', reaching) }}
        and not exists (
            select 1
            from replaced
            where
                replaced.linkage_domain = records.linkage_domain
                and replaced.record_key_tag = records.record_key_tag
        )
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

certifications as (
    select * from {{ ref('int_care_certification__resolve_intervals') }}
),

months as (
    select * from {{ ref('int_calendar__list_months') }}
),

own_municipalities as (
    select * from {{ ref('int_insurer__find_own_municipality') }}
),

ages as (
    select * from {{ ref('int_age__assign_band') }}
),

owned as (
    select
        care_claims.*,
        identities.person_id,
        {{ age_at_month_end('care_claims.birth_month', 'care_claims.is_born_on_first', 'care_claims.service_month') }}
            as age_at_month_end
    from care_claims
    left join identities
        on
            care_claims.linkage_domain = identities.linkage_domain
            and care_claims.identity_tag = identities.identity_tag
),

-- The municipality of a union's insured is the one that the newest event up to the month names. A claim of a month after
-- the month of reference has none yet: the change set of an event ends there too.
named as (
    select
        owned.linkage_domain,
        owned.record_key_tag,
        max_by(
            certifications.municipality_code,
            concat(cast(certifications.event_date as varchar), certifications.event_code, certifications.municipality_code)
        ) as municipality_code
    from owned
    inner join months on owned.service_month = months.month
    inner join certifications
        on
            owned.person_id = certifications.person_id
            and owned.insurer_number = certifications.insurer_number
            and certifications.event_date < months.next_month
    where certifications.municipality_code is not null
    group by owned.linkage_domain, owned.record_key_tag
),

final as (
    select
        owned.linkage_domain,
        owned.record_key_tag,
        owned.identity_tag,
        owned.person_id,
        owned.scheme_code,
        owned.insurer_number,
        coalesce(named.municipality_code, own_municipalities.municipality_code) as municipality_code,
        owned.service_month,
        cast({{ fiscal_year('owned.service_month') }} as bigint) as fiscal_year,
        owned.adjudication_month,
        owned.is_adjudicated,
        owned.is_purchase,
        owned.benefit_kind_code,
        owned.provider_code,
        owned.input_form_code,
        owned.care_level_code,
        owned.sex_code,
        owned.age_at_month_end,
        coalesce(ages.age_band_code, 'unknown') as age_band_code,
        owned.units,
        owned.benefit_yen,
        owned.user_yen
    from owned
    left join named
        on owned.linkage_domain = named.linkage_domain and owned.record_key_tag = named.record_key_tag
    left join own_municipalities
        on
            owned.scheme_code = own_municipalities.scheme_code
            and owned.insurer_number = own_municipalities.insurer_number
            and owned.service_month = own_municipalities.month
    left join ages on owned.age_at_month_end = ages.age
)

select * from final
