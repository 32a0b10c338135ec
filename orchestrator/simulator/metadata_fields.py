"""Which fields each metadata type has, and since when: a compact table of facts from Salesforce's WSDLs.

Source: the metadata WSDLs v62, v64 and v66 (github.com/forcedotcom/wsdl), the Metadata API guide for fields
older than v62. A field is written ``name``, then ``!`` (required), ``*`` (repeats), ``:type`` (``b`` boolean,
``i`` integer, the name of a type or an enumeration; plain text otherwise), ``@NN`` (first API version) and
``-NN`` (last one). One entry goes by what orgs were seen to do and not by the WSDL: the global settings'
isNamedUserJwtEnabled is refused at v64, though the WSDL declares it.
"""

from __future__ import annotations

FIELDS = {
    "ConnectedApp": """
        attributes*:ConnectedAppAttribute canvas:CanvasMetadata canvasConfig:ConnectedAppCanvasConfig
        contactEmail! contactPhone description iconUrl infoUrl ipRanges*:ConnectedAppIpRange label! logoUrl
        mobileAppConfig:ConnectedAppMobileDetailConfig mobileStartUrl oauthConfig:ConnectedAppOauthConfig
        oauthPolicy:ConnectedAppOauthPolicy@49 permissionSetName*@46 plugin pluginExecutionUser@46
        profileName*@46 samlConfig:ConnectedAppSamlConfig sessionPolicy:ConnectedAppSessionPolicy@49
        startUrl
    """,
    "ConnectedAppAttribute": "formula! key!",
    "CanvasMetadata": """
        accessMethod! canvasOptions canvasUrl! lifecycleClass locationOptions samlInitiationMethod
    """,
    "ConnectedAppCanvasConfig": """
        accessMethod!:AccessMethod canvasUrl! lifecycleClass locations*:CanvasLocationOptions
        options*:CanvasOptions samlInitiationMethod:SamlInitiationMethod
    """,
    "ConnectedAppIpRange": "description end! start!",
    "ConnectedAppMobileDetailConfig": """
        applicationBinaryFile applicationBinaryFileName applicationBundleIdentifier applicationFileLength:i
        applicationIconFile applicationIconFileName applicationInstallUrl devicePlatform!:DevicePlatformType
        deviceType:DeviceType minimumOsVersion privateApp:b version!
    """,
    "ConnectedAppOauthConfig": """
        assetTokenConfig:ConnectedAppOauthAssetToken@49 callbackUrl! certificate consumerKey@32
        consumerSecret@32 idTokenConfig:ConnectedAppOauthIdToken@43 isAdminApproved:b@46
        isClientCredentialEnabled:b@56 isCodeCredentialEnabled:b@57 isCodeCredentialPostOnly:b@57
        isConsumerSecretOptional:b@49 isIntrospectAllTokens:b@49 isNamedUserJwtEnabled:b@59
        isPkceRequired:b@59 isRefreshTokenRotationEnabled:b@60 isSecretRequiredForRefreshToken:b@51
        isSecretRequiredForTokenExchange:b@60 isTokenExchangeEnabled:b@60 oauthClientCredentialUser@56
        scopes*:ConnectedAppOauthAccessScope singleLogoutUrl
    """,
    "ConnectedAppOauthAssetToken": """
        assetAudiences! assetIncludeAttributes!:b assetIncludeCustomPerms!:b assetSigningCertId!
        assetValidityPeriod!:i
    """,
    "ConnectedAppOauthIdToken": """
        idTokenAudience idTokenIncludeAttributes:b idTokenIncludeCustomPerms:b
        idTokenIncludeStandardClaims:b idTokenValidity:i
    """,
    "ConnectedAppOauthPolicy": """
        ipRelaxation! isTokenExchangeFlowEnabled:b refreshTokenPolicy! singleLogoutUrl
    """,
    "ConnectedAppSamlConfig": """
        acsUrl! certificate encryptionCertificate encryptionType:SamlEncryptionType entityUrl! issuer
        samlIdpSLOBindingEnum:SamlIdpSLOBinding samlNameIdFormat:SamlNameIdFormatType
        samlSigningAlgoType:SamlSigningAlgoType samlSloUrl samlSubjectCustomAttr
        samlSubjectType!:SamlSubjectType
    """,
    "ConnectedAppSessionPolicy": "policyAction sessionLevel sessionTimeout:i",
    "ExternalClientApplication": """
        contactEmail contactPhone description distributionState:ExtlClntAppDistState iconUrl infoUrl
        isProtected:b label logoUrl managedType:ExtlClntAppManagedType orgScopedExternalApp
    """,
    "ExtlClntAppGlobalOauthSettings": """
        callbackUrl certificate@60 consumerKey consumerSecret externalClientApplication!
        idTokenConfig:ExternalAppIdTokenConfig isClientCredentialsFlowEnabled:b@60
        isCodeCredFlowEnabled:b@61 isCodeCredPostOnly:b@61 isConsumerSecretOptional:b
        isDeviceFlowEnabled:b@60 isIntrospectAllTokens:b isNamedUserJwtEnabled:b@65 isPkceRequired:b
        isRefreshTokenRotationEnabled:b@60 isSecretRequiredForRefreshToken:b
        isSecretRequiredForTokenExchange:b@60 isTokenExchangeEnabled:b@60 label shouldRotateConsumerKey:b
        shouldRotateConsumerSecret:b
    """,
    "ExternalAppIdTokenConfig": """
        idTokenAudience idTokenIncludeAttributes:b idTokenIncludeCustomPermissions:b
        idTokenIncludeStandardClaims:b idTokenValidityInMinutes:i
    """,
    "ExtlClntAppOauthSettings": """
        areAttributesIncludedInAssetToken:b@61 areCustomPermsIncludedInAssetToken:b@61
        assetTokenAudiences@61 assetTokenSigningCertificate@61 assetTokenValidity:i@61
        clientAssertionCertificate commaSeparatedCustomScopes commaSeparatedOauthScopes
        customAttributes*:ExtlClntAppOauthSettingsAttribute externalClientApplication!
        isFirstPartyAppEnabled:b label oauthLink singleLogoutUrl trustedIpRanges*:ExtlClntAppOauthIpRange
    """,
    "ExtlClntAppOauthSettingsAttribute": "formula! key!",
    "ExtlClntAppOauthIpRange": "description endIpAddress! startIpAddress!",
    "ExtlClntAppOauthConfigurablePolicies": """
        apexHandler@61 clientCredentialsFlowUser@60 commaSeparatedCustomScopes@61
        commaSeparatedPermissionSet commaSeparatedProfile
        customAttributes*:ExtlClntAppOauthPoliciesAttribute executeHandlerAs@61 externalClientApplication!
        guestJwtSessionTimeoutType:JWTSessionTimeoutType@65 guestJwtTimeout:i ipRelaxationPolicyType
        isClientCredentialsFlowEnabled:b@60 isGuestCodeCredFlowEnabled:b@61 isNamedUserJwtEnabled:b-63
        isTokenExchangeFlowEnabled:b@60 label namedUserJwtSessionTimeoutType:JWTSessionTimeoutType@65
        namedUserJwtTimeout:i permittedUsersPolicyType:PermittedUsersPolicyType policyAction:PolicyAction
        refreshTokenPolicyType:RefreshTokenPolicyType refreshTokenValidityPeriod:i refreshTokenValidityUnit
        requiredSessionLevel:SessionSecurityLevel sessionTimeoutInMinutes:i singleLogoutUrl startUrl
    """,
    "ExtlClntAppOauthPoliciesAttribute": "formula! key!",
    "ExtlClntAppConfigurablePolicies": """
        externalClientApplication! isCanvasPluginEnabled:b@65 isEnabled!:b isMobilePluginEnabled:b
        isNotificationPluginEnabled:b isOauthPluginEnabled:b isPushPluginEnabled:b isSamlPluginEnabled:b@63
        label startPage:ExtlClntAppStartPage startUrl
    """,
    "PermissionSet": """
        agentAccesses*:PermissionSetAgentAccess@63
        applicationVisibilities*:PermissionSetApplicationVisibility
        classAccesses*:PermissionSetApexClassAccess
        customMetadataTypeAccesses*:PermissionSetCustomMetadataTypeAccess
        customPermissions*:PermissionSetCustomPermissions
        customSettingAccesses*:PermissionSetCustomSettingAccess dataspaceScopes*:DataspaceScopeAccess
        description emailRoutingAddressAccesses*:PermissionSetEmailRoutingAddressAccess
        externalCredentialPrincipalAccesses*:PermissionSetExternalCredentialPrincipalAccess
        externalDataSourceAccesses*:PermissionSetExternalDataSourceAccess
        fieldPermissions*:PermissionSetFieldPermissions flowAccesses*:PermissionSetFlowAccess
        genComputingSummaryDefAccesses*:PermissionSetGenComputingSummaryDefAccess@65 hasActivationRequired:b
        label! license objectPermissions*:PermissionSetObjectPermissions
        pageAccesses*:PermissionSetApexPageAccess recordTypeVisibilities*:PermissionSetRecordTypeVisibility
        servicePresenceStatusAccesses*:PermissionSetServicePresenceStatusAccess@63
        tabSettings*:PermissionSetTabSetting userPermissions*:PermissionSetUserPermission
    """,
    "PermissionSetAgentAccess": "agentName!@63 enabled!:b@63",
    "PermissionSetApplicationVisibility": "application! visible!:b",
    "PermissionSetApexClassAccess": "apexClass! enabled!:b",
    "PermissionSetCustomMetadataTypeAccess": "enabled!:b name!",
    "PermissionSetCustomPermissions": "enabled!:b name!",
    "PermissionSetCustomSettingAccess": "enabled!:b name!",
    "DataspaceScopeAccess": """
        customizeActivationDefinitions:b customizeAllDefinitions:b customizeCalculatedInsightDefinitions:b
        customizeDataActionDefinitions:b customizeDataApplicationDefinitions!:b
        customizeDataObjSecondaryIndexDefinitions!:b@65 customizeDataShareDefinitions!:b
        customizeFTestDataspaceScopedDefinition!:b customizeIdentityResolutionDefinitions:b
        customizeMLPredictionDefinitions!:b customizeSegmentationDefinitions:b
        customizeSemanticSearchDefinitions!:b dataAccessLevel dataspaceScope! objectAccessLevel@65
        viewActivationDefinitions:b viewCalculatedInsightDefinitions:b viewDataActionDefinitions:b
        viewDataApplicationDefinitions!:b viewDataObjSecondaryIndexDefinitions!:b@65
        viewDataShareDefinitions!:b viewFTestDataspaceScopedDefinition!:b
        viewIdentityResolutionDefinitions:b viewMLPredictionDefinitions!:b viewSegmentationDefinitions:b
        viewSemanticSearchDefinitions!:b
    """,
    "PermissionSetEmailRoutingAddressAccess": "enabled!:b name!",
    "PermissionSetExternalCredentialPrincipalAccess": "enabled!:b externalCredentialPrincipal!",
    "PermissionSetExternalDataSourceAccess": "enabled!:b externalDataSource!",
    "PermissionSetFieldPermissions": "editable!:b field! readable:b",
    "PermissionSetFlowAccess": "enabled!:b flow!",
    "PermissionSetGenComputingSummaryDefAccess": "configName!@65 enabled!:b@65",
    "PermissionSetObjectPermissions": """
        allowCreate!:b allowDelete!:b allowEdit!:b allowRead!:b customizeSetup:b deleteSetup:b
        modifyAllRecords!:b object! viewAllFields:b@63 viewAllRecords!:b viewSetup:b
    """,
    "PermissionSetApexPageAccess": "apexPage! enabled!:b",
    "PermissionSetRecordTypeVisibility": "recordType! visible!:b",
    "PermissionSetServicePresenceStatusAccess": "enabled!:b@63 servicePresenceStatus!@63",
    "PermissionSetTabSetting": "tab! visibility!:PermissionSetTabVisibility",
    "PermissionSetUserPermission": "enabled!:b name!",
    "Profile": """
        agentAccesses*:ProfileAgentAccess@63 applicationVisibilities*:ProfileApplicationVisibility
        categoryGroupVisibilities*:ProfileCategoryGroupVisibility classAccesses*:ProfileApexClassAccess
        custom:b customMetadataTypeAccesses*:ProfileCustomMetadataTypeAccess
        customPermissions*:ProfileCustomPermissions customSettingAccesses*:ProfileCustomSettingAccess
        description externalDataSourceAccesses*:ProfileExternalDataSourceAccess
        fieldPermissions*:ProfileFieldLevelSecurity flowAccesses*:ProfileFlowAccess
        genComputingSummaryDefAccesses*:ProfileGenComputingSummaryDefAccess@65
        layoutAssignments*:ProfileLayoutAssignment loginFlows*:LoginFlow loginHours:ProfileLoginHours
        loginIpRanges*:ProfileLoginIpRange objectPermissions*:ProfileObjectPermissions
        pageAccesses*:ProfileApexPageAccess profileActionOverrides*:ProfileActionOverride
        recordTypeVisibilities*:ProfileRecordTypeVisibility
        servicePresenceStatusAccesses*:ProfileServicePresenceStatusAccess@63
        tabVisibilities*:ProfileTabVisibility userLicense userPermissions*:ProfileUserPermission
    """,
    "ProfileAgentAccess": "agentName!@63 enabled!:b@63",
    "ProfileApplicationVisibility": "application! default!:b visible!:b",
    "ProfileCategoryGroupVisibility": """
        dataCategories* dataCategoryGroup! visibility!:CategoryGroupVisibility
    """,
    "ProfileApexClassAccess": "apexClass! enabled!:b",
    "ProfileCustomMetadataTypeAccess": "enabled!:b name!",
    "ProfileCustomPermissions": "enabled!:b name!",
    "ProfileCustomSettingAccess": "enabled!:b name!",
    "ProfileExternalDataSourceAccess": "enabled!:b externalDataSource!",
    "ProfileFieldLevelSecurity": "editable!:b field! readable:b",
    "ProfileFlowAccess": "enabled!:b flow!",
    "ProfileGenComputingSummaryDefAccess": "configName!@65 enabled!:b@65",
    "ProfileLayoutAssignment": "layout! recordType",
    "LoginFlow": """
        flow flowType!:LoginFlowType friendlyName! uiLoginFlowType!:UiLoginFlowType useLightningRuntime:b
        vfFlowPage vfFlowPageTitle
    """,
    "ProfileLoginHours": """
        fridayEnd fridayStart mondayEnd mondayStart saturdayEnd saturdayStart sundayEnd sundayStart
        thursdayEnd thursdayStart tuesdayEnd tuesdayStart wednesdayEnd wednesdayStart
    """,
    "ProfileLoginIpRange": "description endAddress! startAddress!",
    "ProfileObjectPermissions": """
        allowCreate:b allowDelete:b allowEdit:b allowRead:b customizeSetup:b deleteSetup:b
        modifyAllRecords:b object! viewAllFields:b@63 viewAllRecords:b viewSetup:b
    """,
    "ProfileApexPageAccess": "apexPage! enabled!:b",
    "ProfileActionOverride": """
        actionName! content formFactor!:FormFactor pageOrSobjectType! recordType type!:ActionOverrideType
    """,
    "ProfileRecordTypeVisibility": "default!:b personAccountDefault:b recordType! visible!:b",
    "ProfileServicePresenceStatusAccess": "enabled!:b@63 servicePresenceStatus!@63",
    "ProfileTabVisibility": "tab! visibility!:TabVisibility",
    "ProfileUserPermission": "enabled!:b name!",
    "InstalledPackage": "activateRSS!:b password securityType versionNumber!",
    "OauthOidcSettings": """
        agentAuthLinking:b@65 blockOAuthUnPwFlow:b blockOAuthUsrAgtFlow:b isPkceRequired:b@59
        oAuthCdCrdtFlowEnable:b
    """,
    "SecuritySettings": """
        canUsersGrantLoginAccess:b enableAdminLoginAsAnyUser:b enableAuditFieldsInactiveOwner:b
        enableAuraSecureEvalPref:b enableCoepHeader:b enableCoopHeader:b enableCrossOrgRedirects:b
        enablePermissionsPolicy:b enableRequireHttpsConnection:b networkAccess:NetworkAccess
        passwordPolicies:PasswordPolicies redirectBlockModeEnabled:b sendCspForUncommonClients:b
        sessionSettings:SessionSettings singleSignOnSettings:SingleSignOnSettings
    """,
    "NetworkAccess": "ipRanges*:IpRange",
    "IpRange": "description end start",
    "PasswordPolicies": """
        apiOnlyUserHomePageURL complexity:Complexity expiration:Expiration historyRestriction
        lockoutInterval:LockoutInterval maxLoginAttempts:MaxLoginAttempts minimumPasswordLength
        minimumPasswordLifetime:b obscureSecretAnswer:b passwordAssistanceMessage passwordAssistanceURL
        questionRestriction:QuestionRestriction
    """,
    "SessionSettings": """
        allowUserAuthenticationByCertificate:b allowUserCertBasedAuthenticationWithOcspValidation:b
        auraBoxcarReductionPref:b@65 canConfirmEmailChangeInLightningCommunities:b
        canConfirmIdentityBySmsOnly:b disableTimeoutWarning:b enableBuiltInAuthenticator:b
        enableCSPOnEmail:b enableCSRFOnGet:b enableCSRFOnPost:b enableCacheAndAutocomplete:b
        enableClickjackNonsetupSFDC:b enableClickjackNonsetupUser:b enableClickjackNonsetupUserHeaderless:b
        enableClickjackSetup:b enableCoepHeader:b enableContentSniffingProtection:b enableCoopHeader:b
        enableLightningLogin:b enableLightningLoginOnlyWithUserPerm:b enableMFADirectUILoginOptIn:b
        enableOauthCorsPolicy:b enablePermissionsPolicy:b enablePostForSessions:b enableSMSIdentity:b
        enableU2F:b enforceIpRangesEveryRequest:b enforceUserDeviceRevoked:b forceLogoutOnSessionTimeout:b
        forceRelogin:b grantCameraAccess grantMicrophoneAccess hasRetainedLoginHints:b hasUserSwitching:b
        hstsOnForcecomSites:b identityConfirmationOnEmailChange:b
        identityConfirmationOnTwoFactorRegistrationEnabled:b lockSessionsToDomain:b lockSessionsToIp:b
        lockerServiceAPIVersion lockerServiceCSP:b lockerServiceNext:b lockerServiceNextControl:b
        lockerTrustedMode:b@65 lockerTrustedResources@65 logoutURL redirectBlockModeEnabled:b
        redirectionWarning:b referrerPolicy:b referrerPolicyDirective requireHttpOnly:b
        sendCspForUncommonClients:b sessionTimeout:SessionTimeout sidToken3rdPartyAuraApp:b
        skipSFAWhenMFADirectUILogin:b terminateUserSessionsWhenAdminResetsPassword:b
        untrustedRedirect:UntrustedRedirectEnum@63 useEAPIRateLimitForConnectAPI:b
        useLocalStorageForLogoutUrl:b welcomeEmailTemplateId@63
    """,
    "SingleSignOnSettings": """
        enableCaseInsensitiveFederationID:b enableForceDelegatedCallout:b enableMultipleSamlConfigs:b
        enableSamlJitProvisioning:b enableSamlLogin:b isLoginWithSalesforceCredentialsDisabled:b
    """,
    "MyDomainSettings": """
        areLegacyRedirectsMaintained:b@63 areLgcyRdirMaintainedWntr26:b@63 canOnlyLoginWithMyDomainUrl:b
        doesApiLoginRequireOrgDomain:b doesWarnOnForceComRedirect:b doesWarnOnRedirect:b
        domainPartition:OrgDomainShard edgeRoutingMethod:EdgeRoutingOption@65
        enableCrossDomainPreviewCookies:b enableEdgeDuringRollout:b enableExtendedRedirections:b
        enableLegacyRedirections:b enableNativeBrowserForAuthOnAndroid:b enableNativeBrowserForAuthOnIos:b
        enableShareBrowserSessionAndroidForAuth:b enableShareBrowserSessionIOSForAuth:b
        instancedUrlRedirectHandling:OrgDomainRedirectOption isFirstPartyCookieUseRequired:b
        isIcorInstApiTrafficBlocked:b@65 isInstancedApiTrafficBlocked:b@63 logRedirections:b myDomainName
        myDomainSuffix:OrgDomainProdSuffix onboardCustomerSpecificSuffix:b@63 redirectForceComSiteUrls:b
        redirectPriorMyDomain:b use3rdPartyCookieBlockingCompatibleHostnames:b useEdge:b
        useEnhancedDomainsInSandbox:b useStabilizedMyDomainHostnames:b
        useStabilizedSandboxMyDomainHostnames:b
    """,
    "ConnectedAppSettings": """
        enableAdminApprovedAppsOnly:b enableAdminApprovedAppsOnlyForExternalUser:b
        enableSkipUserProvisioningWizardWelcomePage:b
    """,
    "ExternalClientAppSettings": """
        enableClientSecretInRestApiAccess:b@62 enableConsumerSecretApiAccess:b enableExternalClientApps:b-62
        enablePackageEcaOauthFromDevOrg:b@62
    """,
}

ENUMERATIONS = {
    "AccessMethod": "Get Post",
    "CanvasLocationOptions": """
        None Chatter UserProfile Visualforce Aura Publisher ChatterFeed ServiceDesk OpenCTI AppLauncher
        MobileNav PageLayout
    """,
    "CanvasOptions": "HideShare HideHeader PersonalEnabled",
    "SamlInitiationMethod": "None IdpInitiated SpInitiated",
    "DevicePlatformType": "ios android",
    "DeviceType": "phone tablet minitablet",
    "SamlEncryptionType": "AES_128 AES_256 Triple_Des",
    "SamlIdpSLOBinding": "RedirectBinding PostBinding",
    "SamlNameIdFormatType": "Unspecified EmailAddress Persistent Transient",
    "SamlSigningAlgoType": "SHA1 SHA256",
    "SamlSubjectType": "Username FederationId UserId SpokeId CustomAttribute PersistentId",
    "ExtlClntAppDistState": "Local Packaged Managed AutoInstalled",
    "ExtlClntAppManagedType": "Local Global",
    "JWTSessionTimeoutType": "UserSession Custom",
    "PermittedUsersPolicyType": "AllSelfAuthorized AdminApprovedPreAuthorized",
    "PolicyAction": "Block RaiseSessionLevel",
    "RefreshTokenPolicyType": "Infinite Zero SpecificLifetime SpecificInactivity",
    "SessionSecurityLevel": "LOW STANDARD HIGH_ASSURANCE",
    "ExtlClntAppStartPage": "None Custom OAuth SAML",
    "PermissionSetTabVisibility": "None Available Visible",
    "CategoryGroupVisibility": "ALL NONE CUSTOM",
    "LoginFlowType": "UI",
    "UiLoginFlowType": "VisualWorkflow VisualForce",
    "FormFactor": "Small Medium Large",
    "ActionOverrideType": "Default Standard Scontrol Visualforce Flexipage LightningComponent",
    "TabVisibility": "Hidden DefaultOff DefaultOn",
    "Complexity": """
        NoRestriction AlphaNumeric SpecialCharacters UpperLowerCaseNumeric
        UpperLowerCaseNumericSpecialCharacters Any3UpperLowerCaseNumericSpecialCharacters
    """,
    "Expiration": "ThirtyDays SixtyDays NinetyDays SixMonths OneYear Never",
    "LockoutInterval": "FifteenMinutes ThirtyMinutes SixtyMinutes Forever",
    "MaxLoginAttempts": "ThreeAttempts FiveAttempts TenAttempts NoLimit",
    "QuestionRestriction": "None DoesNotContainPassword",
    "SessionTimeout": """
        TwentyFourHours TwelveHours EightHours FourHours TwoHours NinetyMinutes SixtyMinutes
        ThirtyMinutes FifteenMinutes
    """,
    "UntrustedRedirectEnum": "AlwaysAllowed AllowWithUserPermission NeverAllowed",
    "OrgDomainShard": """
        none sandbox develop patch trailblaze scratch demo free bt sfdctest sfdcdot sfrestore
    """,
    "EdgeRoutingOption": "global regional",
    "OrgDomainRedirectOption": "Undeployed Redirect WarnOnRedirect NoRedirect",
    "OrgDomainProdSuffix": """
        MySalesforceLimited DatabaseLimited CloudforceLimited OrgLevelCertificateLimited Restricted1
        MySalesforce Restricted2 OrgLevelCertificate
    """,
}

SCOPES = """
    Basic Api Web Full Chatter CustomApplications RefreshToken OpenID Profile Email Address Phone
    OfflineAccess CustomPermissions Wave Eclair Pardot Lightning Content CDPIngest CDPProfile CDPQuery
    Chatbot CDPSegment CDPIdentityResolution CDPCalculatedInsight ForgotPassword UserRegistration SFAP
    Interaction CDP EinsteinGPT PwdlessLogin MCP SCRT
"""
