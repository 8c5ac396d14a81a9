{{ config(
    pre_hook="{{ delete_reached('month', 'care_month.service_month', ['care_claim', 'care_service', 'care_certification']) }}"
) }}

with care_claims as (
    select * from {{ ref('care_claim') }}
),

reached as (
    select *
    from care_claims
    where
        -- What the indicators of care count leaves 福祉用具購入 and 住宅改修 out.
        not is_purchase
        and {{ only_reached(
            'care_claims', 'month', 'care_claims.service_month', ['care_claim', 'care_service', 'care_certification']
        ) }}
),

final as (
    select
        linkage_domain,
        person_id,
        scheme_code,
        insurer_number,
        min(municipality_code) as municipality_code,
        service_month,
        fiscal_year,
        min(sex_code) as sex_code,
        min(age_band_code) as age_band_code,
        -- Where the level changes within the month, the heavier one (the codes are in that order).
        max(care_level_code) as care_level_code,
        cast(sum(units) as bigint) as units,
        cast(sum(benefit_yen) as bigint) as benefit_yen,
        cast(sum(user_yen) as bigint) as user_yen,
        count(*) as claims_count,
        min(identity_tag) as identity_tag
    from reached
    group by linkage_domain, person_id, scheme_code, insurer_number, service_month, fiscal_year
)

select * from final
